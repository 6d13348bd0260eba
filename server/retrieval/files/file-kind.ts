// What an uploaded file is, told by its bytes; the name decides only between kinds of text. Knows no parser.
import path from 'node:path';
import { AppError } from '../../errors.js';

export type FileKind = 'text' | 'markdown' | 'html' | 'pdf' | 'docx';

export const MEDIA_TYPES: Readonly<Record<FileKind, string>> = {
  text: 'text/plain',
  markdown: 'text/markdown',
  html: 'text/html',
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
};

const TEXT_KINDS: Readonly<Record<string, FileKind>> = {
  '.txt': 'text',
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.html': 'html',
  '.htm': 'html',
};
const KNOWN = '.txt, .md, .html, .pdf and .docx';
/** Readers take a PDF that begins a little later. */
const PDF_HEAD_BYTES = 1_024;
const ZIP = Buffer.from('PK\x03\x04', 'latin1');
/** Of old Word files, and of what Word encrypts. */
const COMPOUND = Buffer.from('d0cf11e0a1b11ae1', 'hex');

/** @throws AppError unsupported_media_type, unreadable_document; both name the file. */
export function fileKindOf(filename: string, bytes: Buffer): FileKind {
  if (bytes.subarray(0, PDF_HEAD_BYTES).includes('%PDF-')) return 'pdf';
  if (bytes.subarray(0, ZIP.length).equals(ZIP)) return 'docx';
  if (bytes.subarray(0, COMPOUND.length).equals(COMPOUND)) {
    throw unreadable(filename, 'is encrypted, or of a Word before 2007: save it as .docx without a password');
  }
  const kind = TEXT_KINDS[path.extname(filename).toLowerCase()];
  if (kind !== undefined) return kind;
  if (/\.(?:pdf|docx)$/i.test(filename)) {
    throw unreadable(filename, 'is broken: its first bytes are not those of such a file');
  }
  throw new AppError('unsupported_media_type', `"${filename}" is of no known kind: ${KNOWN} are read.`, {
    param: filename,
  });
}

export function unreadable(filename: string, fault: string): AppError {
  return new AppError('unreadable_document', `"${filename}" ${fault}.`, { param: filename });
}
