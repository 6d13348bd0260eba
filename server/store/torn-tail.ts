// The end of a log that a crash, a power cut or a stranger left without its newline. Knows lines, not exchanges.
import type { FileHandle } from 'node:fs/promises';
import type { OpenFile } from './line-file.js';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 64 * 1024;
/** A longer tail is not parsed, only kept: no exchange is that long. */
const MAX_PARSED_BYTES = 64 * 1024 * 1024;

export interface MendedTail {
  /** `completed`: the last line was whole and got its newline. `torn`: its bytes were moved to `<log>.torn`. */
  readonly did: 'nothing' | 'completed' | 'torn';
  /** Bytes after the last newline that were found. */
  readonly bytes: number;
}

/** Where torn bytes are kept, each tail followed by a newline. Nothing of it is ever deleted. */
export const tornPath = (logPath: string): string => `${logPath}.torn`;

/**
 * Makes the file end with a newline, or be empty; reads no more than the last line of it. The bytes of half a line
 * are on the disk in the `.torn` file before they are cut off.
 * @throws the system's error, with the log as it was.
 */
export async function mendTail(handle: FileHandle, logPath: string, open: OpenFile): Promise<MendedTail> {
  const { size } = await handle.stat();
  const start = await startOfTail(handle, size);
  const bytes = size - start;
  if (bytes === 0) return { did: 'nothing', bytes };
  if (bytes <= MAX_PARSED_BYTES && isWholeLine(await readBytes(handle, start, bytes))) {
    await handle.write('\n');
    return { did: 'completed', bytes };
  }
  await keepTorn(handle, start, size, logPath, open);
  await handle.truncate(start);
  return { did: 'torn', bytes };
}

/** Reads exactly `length` bytes, or fewer when the file ends before. */
export async function readBytes(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

/** The position after the last newline. */
async function startOfTail(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - CHUNK_BYTES);
    const newline = (await readBytes(handle, from, end - from)).lastIndexOf(NEWLINE);
    if (newline >= 0) return from + newline + 1;
    end = from;
  }
  return 0;
}

/** No proper prefix of a JSON object is a JSON object, so what parses was whole. */
function isWholeLine(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

async function keepTorn(
  handle: FileHandle,
  start: number,
  size: number,
  logPath: string,
  open: OpenFile,
): Promise<void> {
  const torn = await open(tornPath(logPath), 'a', 0o600);
  try {
    for (let position = start; position < size; position += CHUNK_BYTES) {
      await torn.appendFile(await readBytes(handle, position, Math.min(CHUNK_BYTES, size - position)));
    }
    await torn.appendFile('\n');
    await torn.sync();
  } finally {
    await torn.close();
  }
}
