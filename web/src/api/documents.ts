// Stored documents: a page of them, one, what of them answers a question, and how they come and go.
import type { z } from 'zod';
import type {
  addAnswerSchema,
  documentSchema,
  listAnswerSchema,
  searchAnswerSchema,
} from '../../../server/dialects/documents.js';
import type { Health } from '../../../server/dialects/health.js';
import { ApiError, ask, send, toError } from './http.js';
import { key } from './key.js';

export type DocumentsPage = z.output<typeof listAnswerSchema>;
export type StoredDocument = z.output<typeof documentSchema>;
export type Passages = z.output<typeof searchAnswerSchema>;
export type Passage = Passages['results'][number];
export type AddAnswer = z.output<typeof addAnswerSchema>;
export type AddedDocument = AddAnswer['documents'][number];

/** What this gateway asks of the passages that an answer rests on. */
export type Grounding = Health['documents'];

/** Newest first. @throws ApiError */
export function listDocuments(
  page: { limit: number; offset: number },
  signal?: AbortSignal,
): Promise<DocumentsPage> {
  return ask('/api/v1/documents', { query: page, ...(signal === undefined ? {} : { signal }) });
}

/** @throws ApiError document_not_found */
export function readDocument(id: string, signal?: AbortSignal): Promise<StoredDocument> {
  return ask(`/api/v1/documents/${encodeURIComponent(id)}`, signal === undefined ? {} : { signal });
}

/** For good, with its stretches and vectors. @throws ApiError */
export async function eraseDocument(id: string): Promise<void> {
  await send(`/api/v1/documents/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

/** @throws ApiError storage_unavailable, embedder_mismatch */
export function searchDocuments(
  asked: { query: string; mode: Passages['mode']; top_k: number },
  signal?: AbortSignal,
): Promise<Passages> {
  return ask('/api/v1/documents/search', { query: asked, ...(signal === undefined ? {} : { signal }) });
}

/** @throws ApiError */
export async function readGrounding(signal?: AbortSignal): Promise<Grounding> {
  const { documents } = await ask<Health>('/health', signal === undefined ? {} : { signal });
  return documents;
}

/** @throws ApiError document_too_large, storage_unavailable, embedder_mismatch */
export async function addText(text: string, title: string): Promise<AddedDocument> {
  const body = { documents: [text], ...(title === '' ? {} : { metadatas: [{ title }] }) };
  return onlyOf(await ask<AddAnswer>('/api/v1/documents/add', { method: 'POST', body }));
}

/**
 * One file, with how much of it has been sent, from 0 to 1: XMLHttpRequest alone tells that.
 * @throws ApiError as adding does, and unreadable_document, unsupported_media_type; the signal's reason when it is aborted
 */
export async function uploadFile(
  file: File,
  onSent: (share: number) => void,
  signal: AbortSignal,
): Promise<AddedDocument> {
  signal.throwIfAborted();
  const form = new FormData();
  form.append('files', file, file.name);
  const request = new XMLHttpRequest();
  request.open('POST', '/api/v1/documents/upload');
  request.setRequestHeader('Accept', 'application/json');
  if (key.value !== null) request.setRequestHeader('Authorization', `Bearer ${key.value}`);
  request.upload.onprogress = ({ loaded, total }) => onSent(total === 0 ? 1 : loaded / total);
  const abort = (): void => request.abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      request.onload = () => resolve();
      request.onabort = () => reject(signal.reason);
      request.onerror = () =>
        reject(new ApiError(0, 'connection_lost', 'The connection was lost while the file was sent.'));
      request.send(form);
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
  if (request.status !== 200) throw await toError(responseOf(request));
  return onlyOf(JSON.parse(request.responseText) as AddAnswer);
}

function responseOf(request: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const name of ['Retry-After', 'X-Request-ID']) {
    const value = request.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(request.responseText, { status: request.status, headers });
}

function onlyOf({ documents: [document] }: AddAnswer): AddedDocument {
  if (document === undefined) throw new Error('The gateway told of no document.');
  return document;
}
