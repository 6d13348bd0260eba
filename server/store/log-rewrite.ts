// A file of the log without some of its lines: finds them, and puts a file in its place that lacks them. Knows neither
// who is writing nor the database.
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { firstIdOf } from './exchange-row.js';
import { type LogLine, readFirstLine, readLogLines } from './log-lines.js';
import { syncFolderOf } from './rotating-file.js';
import { readBytes } from './torn-tail.js';

const CHUNK_BYTES = 256 * 1024;
/** So few ids are each looked for; of more, every id in the line is looked up. */
const FEW_IDS = 8;
const UUIDS = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/gi;

/** From its first byte to the first one after it. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Where the new file is written before it takes the place of the old one; a crash may leave it behind. */
export const draftPath = (file: string): string => `${file}.erasing`;

/**
 * Yields the lines that hold an exchange with one of these ids, which are in lower case; also what is no exchange any
 * more but names one.
 * @throws the system's error.
 */
export async function* findLines(file: string, ids: ReadonlySet<string>): AsyncGenerator<LogLine> {
  const handle = await open(file, 'r');
  try {
    for await (const lines of readLogLines(handle)) {
      yield* lines.filter(({ bytes }) => mentions(bytes, ids) && isOf(bytes, ids));
    }
  } finally {
    await handle.close();
  }
}

/** How the log's follower knows the file; null while it has no whole line. */
export async function readFirstId(file: string): Promise<string | null> {
  const handle = await open(file, 'r');
  try {
    const first = await readFirstLine(handle);
    return first && firstIdOf(first.bytes);
  } finally {
    await handle.close();
  }
}

/**
 * Puts a file in place of this one that lacks the stretches, at once and on the disk: after a crash there is the one or
 * the other. Nobody may write to it meanwhile.
 * @throws the system's error, with the file as it was.
 */
export async function replaceWithout(file: string, stretches: readonly Stretch[]): Promise<void> {
  const source = await open(file, 'r');
  try {
    const { size, mode } = await source.stat();
    const draft = await open(draftPath(file), 'w', mode & 0o777);
    try {
      let position = 0;
      for (const { start, end } of [...stretches, { start: size, end: size }]) {
        await copy(source, draft, position, start);
        position = end;
      }
      await draft.sync();
    } finally {
      await draft.close();
    }
    await rename(draftPath(file), file);
  } catch (error) {
    await unlink(draftPath(file)).catch(() => undefined);
    throw error;
  } finally {
    await source.close();
  }
  await syncFolderOf(file);
}

/** Deletes the file if it holds nothing any more. */
export async function unlinkEmpty(file: string): Promise<void> {
  if ((await stat(file)).size > 0) return;
  await unlink(file);
  await syncFolderOf(file);
}

async function copy(from: FileHandle, to: FileHandle, start: number, end: number): Promise<void> {
  for (let position = start; position < end; position += CHUNK_BYTES) {
    await to.appendFile(await readBytes(from, position, Math.min(CHUNK_BYTES, end - position)));
  }
}

function mentions(bytes: Buffer, ids: ReadonlySet<string>): boolean {
  if (ids.size <= FEW_IDS) return [...ids].some(id => bytes.includes(id) || bytes.includes(id.toUpperCase()));
  return (bytes.toString('latin1').match(UUIDS) ?? []).some(id => ids.has(id.toLowerCase()));
}

/** Which of these ids such a line holds. */
export function idsOf(bytes: Buffer, ids: ReadonlySet<string>): string[] {
  const named = (bytes.toString('latin1').match(UUIDS) ?? []).map(id => id.toLowerCase());
  return named.filter(id => ids.has(id) && isOf(bytes, new Set([id])));
}

/** Another exchange may name one of the ids; its own is what counts. */
function isOf(bytes: Buffer, ids: ReadonlySet<string>): boolean {
  try {
    const { id } = JSON.parse(bytes.toString()) as { id?: unknown };
    return typeof id !== 'string' || ids.has(id.toLowerCase());
  } catch {
    return true;
  }
}
