// The audit read back, newest first, page by page, through all its files. Gives the lines as they stand there.
import { open } from 'node:fs/promises';
import { AppError } from '../errors.js';
import { readLinesBackwards } from './lines-backwards.js';
import { listLogFiles } from './rotation.js';

export interface AuditPage {
  /** Each the JSON of an event. */
  readonly lines: readonly string[];
  /** Null when there are none further back. */
  readonly nextCursor: string | null;
}

export interface AuditPageRequest {
  readonly limit: number;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** A line, by its file, which keeps its number when it is renamed, and where it begins. */
interface Place {
  readonly inode: bigint;
  readonly start: number;
}

const CURSOR = /^(\d{1,20})-(\d{1,15})$/;

/**
 * Pages that follow each other's cursor hold every line once that was there when the first was asked for, also while the
 * audit is written and rotated. A damaged line is left out.
 * @throws AppError invalid_request for a cursor that is none, or whose file was taken away; else the system's error
 */
export async function readAuditPage(file: string, { limit, cursor }: AuditPageRequest): Promise<AuditPage> {
  const found: { readonly line: string; readonly place: Place }[] = [];
  for await (const each of readBackwards(file, cursor === undefined ? null : parseCursor(cursor))) {
    if (found.length === limit) {
      const last = found.at(-1);
      return {
        lines: found.map(({ line }) => line),
        nextCursor: last === undefined ? null : toCursor(last.place),
      };
    }
    found.push(each);
  }
  return { lines: found.map(({ line }) => line), nextCursor: null };
}

async function* readBackwards(file: string, before: Place | null) {
  let isReached = before === null;
  for (const each of (await listLogFiles(file)).reverse()) {
    const handle = await open(each, 'r').catch(ignoreMissing);
    if (handle === undefined) continue;
    try {
      const { ino: inode, size } = await handle.stat({ bigint: true });
      const isHere = inode === before?.inode;
      if (!isReached && !isHere) continue;
      const end = isHere ? Math.min(before?.start ?? 0, Number(size)) : Number(size);
      isReached = true;
      for await (const { bytes, start } of readLinesBackwards(handle, end)) {
        const line = bytes.toString();
        if (isObject(line)) yield { line, place: { inode, start } };
      }
    } finally {
      await handle.close();
    }
  }
  if (!isReached) throw unusableCursor();
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function toCursor({ inode, start }: Place): string {
  return Buffer.from(`${inode}-${start}`).toString('base64url');
}

function parseCursor(cursor: string): Place {
  const [, inode, start] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (inode === undefined || start === undefined) throw unusableCursor();
  return { inode: BigInt(inode), start: Number(start) };
}

function unusableCursor(): AppError {
  return new AppError(
    'invalid_request',
    '"cursor": is none of this audit, or its file was taken away; begin without one',
    { param: 'cursor' },
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
