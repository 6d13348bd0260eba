// Documents that ground answers, system D's.
import {
  addAnswerSchema,
  addBodySchema,
  documentPathSchema,
  documentSchema,
  listAnswerSchema,
  listQuerySchema,
  searchAnswerSchema,
  searchQuerySchema,
  uploadBodySchema,
} from '../dialects/documents.js';
import type { ErrorCode } from '../errors.js';
import { BODY_ERRORS, type Operation, WORK_ERRORS } from './operation.js';

const STORAGE_ERRORS = ['storage_unavailable', 'internal'] as const satisfies readonly ErrorCode[];
const EMBED_ERRORS = [
  ...WORK_ERRORS,
  ...STORAGE_ERRORS,
  'embedder_mismatch',
] as const satisfies readonly ErrorCode[];

export const documentsOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v1/documents/add',
    tag: 'Documents',
    summary: 'Add texts',
    description:
      'Each text is cut into stretches of whole sentences, which are embedded. The same text is the same document.',
    body: addBodySchema,
    answers: {
      200: { description: 'All are kept.', content: { 'application/json': addAnswerSchema } },
    },
    errors: [...BODY_ERRORS, ...EMBED_ERRORS, 'document_too_large'],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/api/v1/documents/upload',
    tag: 'Documents',
    summary: 'Add files',
    description:
      'What a file is, its first bytes tell. All files are kept, or none. The text of a PDF is read, not its pictures.',
    body: uploadBodySchema,
    bodyType: 'multipart/form-data',
    answers: {
      200: { description: 'All are kept.', content: { 'application/json': addAnswerSchema } },
    },
    errors: [...BODY_ERRORS, ...EMBED_ERRORS, 'document_too_large', 'unreadable_document'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/api/v1/documents/search',
    tag: 'Documents',
    summary: 'Find the stretches that answer a question',
    query: searchQuerySchema,
    answers: {
      200: { description: 'May be empty.', content: { 'application/json': searchAnswerSchema } },
    },
    errors: ['invalid_request', ...EMBED_ERRORS],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/api/v1/documents',
    tag: 'Documents',
    summary: 'List the documents',
    query: listQuerySchema,
    answers: { 200: { description: 'A page of them.', content: { 'application/json': listAnswerSchema } } },
    errors: ['invalid_request', ...STORAGE_ERRORS],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/api/v1/documents/{id}',
    tag: 'Documents',
    summary: 'Read a document',
    pathParams: documentPathSchema,
    answers: { 200: { description: 'With its text.', content: { 'application/json': documentSchema } } },
    errors: ['invalid_request', 'document_not_found', ...STORAGE_ERRORS],
    errorShape: 'simple',
  },
  {
    method: 'delete',
    path: '/api/v1/documents/{id}',
    tag: 'Documents',
    summary: 'Delete a document',
    pathParams: documentPathSchema,
    answers: { 204: { description: 'It is gone, with its stretches and vectors.' } },
    errors: ['invalid_request', 'document_not_found', ...STORAGE_ERRORS],
    errorShape: 'simple',
  },
];
