// The names of the log's files. `log.jsonl` is the one being written; when it is full it becomes
// `log-000001.jsonl`, the next one `log-000002.jsonl`: ascending, so a higher number is younger. Knows no content.
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';

const DIGITS = 6;
const NUMBER = new RegExp(`^\\d{${DIGITS},15}$`);

/**
 * Gives the file the next free number; returns its new path. Nothing is ever overwritten: the name is reserved by
 * creating it exclusively, and what is renamed over is that empty reservation (a crash in between leaves it behind,
 * empty and harmless).
 * @throws the system's error; the log then still has its old name.
 */
export async function rotate(logPath: string): Promise<string> {
  const numbers = (await numberedFiles(logPath)).map(({ number }) => number);
  for (let number = Math.max(0, ...numbers) + 1; ; number++) {
    const target = numberedPath(logPath, number);
    if (!(await reserve(target))) continue;
    try {
      await rename(logPath, target);
    } catch (error) {
      await unlinkEmpty(target);
      throw error;
    }
    return target;
  }
}

/** All files of the log that exist, oldest first. */
export async function listLogFiles(logPath: string): Promise<string[]> {
  const numbered = (await numberedFiles(logPath)).sort((a, b) => a.number - b.number);
  const current = await stat(logPath).catch(ignoreMissing);
  return [...numbered.map(({ file }) => file), ...(current === undefined ? [] : [logPath])];
}

/** Size of all files of the log together. */
export async function bytesOf(logPath: string): Promise<number> {
  const found = await Promise.all((await listLogFiles(logPath)).map(file => stat(file).catch(ignoreMissing)));
  return found.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}

function numberedPath(logPath: string, number: number): string {
  const { dir, name, ext } = path.parse(logPath);
  return path.join(dir, `${name}-${String(number).padStart(DIGITS, '0')}${ext}`);
}

async function numberedFiles(logPath: string): Promise<{ number: number; file: string }[]> {
  const { dir, name, ext } = path.parse(logPath);
  const entries = (await readdir(dir).catch(ignoreMissing)) ?? [];
  return entries.flatMap(entry => {
    if (!entry.startsWith(`${name}-`) || !entry.endsWith(ext)) return [];
    const digits = entry.slice(name.length + 1, entry.length - ext.length);
    return NUMBER.test(digits) ? [{ number: Number(digits), file: path.join(dir, entry) }] : [];
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function reserve(target: string): Promise<boolean> {
  try {
    await (await open(target, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function unlinkEmpty(reservation: string): Promise<void> {
  if ((await stat(reservation)).size === 0) await unlink(reservation);
}
