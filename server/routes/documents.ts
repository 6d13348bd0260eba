// /api/v1/documents (contract D): add, search, list, read, delete.
import type { RequestHandler } from 'express';
import {
  addBodySchema,
  documentPathSchema,
  listQuerySchema,
  searchQuerySchema,
  toAddAnswer,
  toWireHit,
  toWireSummary,
} from '../dialects/documents.js';
import { parseBody, parseWith } from '../http/body.js';
import { askerOf } from '../http/rate-limit.js';
import { scopeOf } from '../http/request-scope.js';
import type { Ingest } from '../retrieval/ingest.js';
import type { SearchDocuments } from '../retrieval/search.js';
import type { Database } from '../store/database.js';
import { deleteDocument, listDocuments, readDocument } from '../store/documents.js';

export interface DocumentsRouteParts {
  readonly vault: { readonly database: Database };
  readonly retrieval: {
    readonly ingest: Ingest;
    readonly search: SearchDocuments;
    readonly topK: number;
  };
}

export function addDocumentsRoute({ retrieval }: DocumentsRouteParts): RequestHandler {
  return async (req, res) => {
    const { documents, metadatas } = parseBody(req, addBodySchema);
    const texts = documents.map((content, index) => ({
      name: `documents.${index}`,
      filename: null,
      mediaType: 'text/plain',
      content,
      metadata: metadatas?.[index] ?? {},
    }));
    const scope = scopeOf(res);
    res.json(toAddAnswer(await retrieval.ingest(texts, scope.signal, askerOf(scope))));
  };
}

export function searchDocumentsRoute({ retrieval }: DocumentsRouteParts): RequestHandler {
  return async (req, res) => {
    const { query, mode, top_k: topK, threshold = null } = parseWith(searchQuerySchema, req.query);
    const hits = await retrieval.search(
      { query, mode, topK: topK ?? retrieval.topK, threshold },
      scopeOf(res).signal,
    );
    res.json({ query, mode, results: hits.map(toWireHit) });
  };
}

export function listDocumentsRoute({ vault }: DocumentsRouteParts): RequestHandler {
  return async (req, res) => {
    const page = parseWith(listQuerySchema, req.query);
    const { documents, total } = await listDocuments(vault.database, page);
    res.json({ items: documents.map(toWireSummary), total, ...page });
  };
}

export function documentRoute({ vault }: DocumentsRouteParts): RequestHandler {
  return async (req, res) => {
    const { id } = parseWith(documentPathSchema, req.params);
    const document = await readDocument(vault.database, id);
    res.json({ ...toWireSummary(document), content: document.content });
  };
}

export function deleteDocumentRoute({ vault }: DocumentsRouteParts): RequestHandler {
  return async (req, res) => {
    const { id } = parseWith(documentPathSchema, req.params);
    await deleteDocument(vault.database, id);
    res.status(204).end();
  };
}
