// The text of an uploaded file. Text and Markdown are decoded here; whatever needs a parser goes to a child process
// that has neither our environment nor much time and memory. Knows no route and no document.
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { AppError } from '../../errors.js';
import { type FileKind, fileKindOf, MEDIA_TYPES, unreadable } from './file-kind.js';

export interface UploadedFile {
  readonly filename: string;
  readonly bytes: Buffer;
}

export interface FileText {
  readonly mediaType: string;
  readonly content: string;
}

export interface FileLimits {
  /** Of one file, the start of the child included. */
  readonly timeoutMs: number;
  readonly maxCharacters: number;
}

/** `readFileText` with the limits of the settings. */
export type FileReader = (file: UploadedFile, signal: AbortSignal) => Promise<FileText>;

type ChildAnswer = { readonly text: string } | { readonly fault: string } | { readonly tooLong: true };

const CHILD = fileURLToPath(new URL('./read-file-child.mjs', import.meta.url));
const HEAP_MB = 384;
/** Heap and all other memory that it may write to; only Linux holds a process to it. */
const MAX_DATA_KB = 1024 * 1024;
/** What a character takes in JSON at most. */
const MAX_JSON_BYTES = 6;

/**
 * @throws AppError unsupported_media_type, unreadable_document, invalid_unicode, document_too_large, each naming the
 * file; cancelled when the signal aborts, which ends the child.
 */
export async function readFileText(
  { filename, bytes }: UploadedFile,
  limits: FileLimits,
  signal: AbortSignal,
): Promise<FileText> {
  if (bytes.length === 0) throw unreadable(filename, 'is empty');
  const kind = fileKindOf(filename, bytes);
  const mediaType = MEDIA_TYPES[kind];
  if (kind === 'text' || kind === 'markdown') return { mediaType, content: decode(filename, bytes) };
  const input = kind === 'html' ? Buffer.from(decode(filename, bytes)) : bytes;
  const answer = await askChild(filename, kind, { input, limits, signal });
  if ('fault' in answer) throw unreadable(filename, answer.fault);
  if ('tooLong' in answer) throw tooLong(filename, limits.maxCharacters);
  const content = answer.text.toWellFormed().replaceAll('\0', '\uFFFD');
  if (content.trim() === '') throw unreadable(filename, 'has no text');
  return { mediaType, content };
}

interface Question {
  readonly input: Buffer;
  readonly limits: FileLimits;
  readonly signal: AbortSignal;
}

async function askChild(
  filename: string,
  kind: FileKind,
  { input, limits: { timeoutMs, maxCharacters }, signal }: Question,
): Promise<ChildAnswer> {
  const [command, ...args] = bounded([
    process.execPath,
    `--max-old-space-size=${HEAP_MB}`,
    CHILD,
    kind,
    String(maxCharacters),
  ]);
  const result = await execa(command, args, {
    input,
    reject: false,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    cancelSignal: signal,
    extendEnv: false,
    stderr: 'ignore',
    maxBuffer: maxCharacters * MAX_JSON_BYTES,
  });
  if (signal.aborted) throw new AppError('cancelled', 'The client left.');
  if (result.timedOut) throw unreadable(filename, `takes longer than ${timeoutMs} ms to read`);
  if (result.isMaxBuffer) throw tooLong(filename, maxCharacters);
  try {
    return JSON.parse(result.stdout) as ChildAnswer;
  } catch (cause) {
    throw new AppError('unreadable_document', `"${filename}" needs too much memory, or breaks its reader.`, {
      param: filename,
      cause,
    });
  }
}

/** The command with a bound on its memory where there is one; buffers do not count as heap. */
function bounded(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (process.platform !== 'linux') return command;
  return ['/bin/sh', '-c', `ulimit -d ${MAX_DATA_KB} && exec "$@"`, 'sh', ...command];
}

function tooLong(filename: string, maxCharacters: number): AppError {
  return new AppError(
    'document_too_large',
    `"${filename}" has more than ${maxCharacters} characters, which a document may have.`,
    { param: filename },
  );
}

/** UTF-8, or UTF-16 that says so by its first bytes; these are not part of the text. */
function decode(filename: string, bytes: Buffer): string {
  const [first, second] = bytes;
  const isLittle = first === 0xff && second === 0xfe;
  const isBig = first === 0xfe && second === 0xff;
  const encoding = isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('invalid_unicode', `"${filename}" is not text in UTF-8.`, { param: filename, cause });
  }
  if (text.includes('\0')) {
    throw new AppError('invalid_unicode', `"${filename}" holds a NUL character: it is no text.`, {
      param: filename,
    });
  }
  if (text.trim() === '') throw unreadable(filename, 'has no text');
  return text;
}
