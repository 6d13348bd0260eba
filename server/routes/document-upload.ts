// POST /api/v1/documents/upload: files become documents, all of them or none.
import type { RequestHandler } from 'express';
import { metadatasSchema, toAddAnswer } from '../dialects/documents.js';
import { AppError } from '../errors.js';
import { parseJsonText, parseWith } from '../http/body.js';
import { askerOf } from '../http/rate-limit.js';
import { type Form, readForm } from '../http/read-files.js';
import { scopeOf } from '../http/request-scope.js';
import type { FileReader } from '../retrieval/files/file-text.js';
import type { TextToAdd } from '../retrieval/ingest.js';
import type { DocumentsRouteParts } from './documents.js';

const FILE_FIELDS = ['files', 'file', 'files[]'];
const MAX_FILES = 50;

export interface UploadRouteParts extends DocumentsRouteParts {
  readonly retrieval: DocumentsRouteParts['retrieval'] & {
    readonly readFile: FileReader;
    readonly maxBodyBytes: number;
  };
}

export function uploadDocumentsRoute({ retrieval, vault }: UploadRouteParts): RequestHandler {
  return async (req, res) => {
    const scope = scopeOf(res);
    const { signal } = scope;
    const form = await readForm(req, { maxBytes: retrieval.maxBodyBytes, maxFiles: MAX_FILES });
    const metadatas = metadatasOf(form);
    vault.database.requireVectors();
    const texts: TextToAdd[] = [];
    for (const [index, file] of form.files.entries()) {
      const { mediaType, content } = await retrieval.readFile(file, signal);
      const { filename } = file;
      texts.push({ name: filename, filename, mediaType, content, metadata: metadatas[index] ?? {} });
    }
    const added = await retrieval.ingest(texts, signal, askerOf(scope));
    const files = texts.map(({ name, content }) => ({ filename: name, characters: content.length }));
    res.json(toAddAnswer(added, files));
  };
}

/** @throws AppError invalid_request for what is no file or has no name, and for metadata that does not fit. */
function metadatasOf({ files, fields }: Form): readonly Readonly<Record<string, unknown>>[] {
  if (files.length === 0) throw new AppError('invalid_request', 'Missing files', { param: 'files' });
  for (const { field, filename } of files) {
    if (!FILE_FIELDS.includes(field)) {
      throw new AppError('invalid_request', `Unknown field "${field}".`, { param: field });
    }
    if (filename === '') throw new AppError('invalid_request', 'A file has no name.', { param: field });
  }
  const unknown = [...fields.keys()].find(name => name !== 'metadatas');
  if (unknown !== undefined) {
    throw new AppError('invalid_request', `Unknown field "${unknown}".`, { param: unknown });
  }
  const text = fields.get('metadatas');
  if (text === undefined) return [];
  const { metadatas } = parseWith(metadatasSchema, { metadatas: parseJsonText(text, 'metadatas') });
  if (metadatas.length === files.length) return metadatas;
  throw new AppError('invalid_request', '"metadatas": must have as many items as there are files', {
    param: 'metadatas',
  });
}
