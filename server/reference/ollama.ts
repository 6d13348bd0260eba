// Ollama's format: answers, and everything about models.
import { z } from 'zod';
import {
  ollamaChatAnswerSchema,
  ollamaChatBodySchema,
  ollamaChatChunkSchema,
} from '../dialects/ollama-chat.js';
import {
  ollamaGenerateAnswerSchema,
  ollamaGenerateBodySchema,
  ollamaGenerateChunkSchema,
} from '../dialects/ollama-generate.js';
import {
  ollamaProcessesSchema,
  ollamaPullBodySchema,
  ollamaShowBodySchema,
  ollamaShowSchema,
  ollamaStatusSchema,
  ollamaTagsSchema,
  ollamaVersionSchema,
} from '../dialects/ollama-models.js';
import { BODY_ERRORS, GENERATION_ERRORS, GROUNDING_ERRORS, type Operation } from './operation.js';

const PARAMETER_ERRORS = ['unsupported_parameter', 'model_not_found', 'model_loading'] as const;
const DESCRIPTION =
  'Streams NDJSON lines unless `stream` is false. With nothing to answer it loads the model, or with `keep_alive` 0 unloads it.';

const UNMANAGED = [
  ['post', '/api/create'],
  ['post', '/api/push'],
  ['post', '/api/copy'],
  ['delete', '/api/delete'],
  ['post', '/api/blobs/{digest}'],
] as const;

export const ollamaOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/generate',
    tag: 'Ollama',
    summary: 'Answer a prompt',
    description: DESCRIPTION,
    body: ollamaGenerateBodySchema,
    answers: {
      200: {
        description: 'The answer, or its stream.',
        content: {
          'application/x-ndjson': ollamaGenerateChunkSchema,
          'application/json': ollamaGenerateAnswerSchema,
        },
      },
    },
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, ...GENERATION_ERRORS, ...GROUNDING_ERRORS],
    errorShape: 'ollama',
  },
  {
    method: 'post',
    path: '/api/chat',
    tag: 'Ollama',
    summary: 'Answer a chat',
    description: DESCRIPTION,
    body: ollamaChatBodySchema,
    answers: {
      200: {
        description: 'The answer, or its stream.',
        content: {
          'application/x-ndjson': ollamaChatChunkSchema,
          'application/json': ollamaChatAnswerSchema,
        },
      },
    },
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, ...GENERATION_ERRORS, ...GROUNDING_ERRORS],
    errorShape: 'ollama',
  },
  {
    method: 'get',
    path: '/api/tags',
    tag: 'Ollama',
    summary: 'List the model',
    answers: { 200: { description: 'The one there is.', content: { 'application/json': ollamaTagsSchema } } },
    errors: ['internal'],
    errorShape: 'ollama',
  },
  {
    method: 'get',
    path: '/api/ps',
    tag: 'Ollama',
    summary: 'List the model if it is in memory',
    answers: {
      200: { description: 'None while it loads.', content: { 'application/json': ollamaProcessesSchema } },
    },
    errors: ['internal'],
    errorShape: 'ollama',
  },
  {
    method: 'post',
    path: '/api/show',
    tag: 'Ollama',
    summary: 'What the model is like',
    body: ollamaShowBodySchema,
    answers: {
      200: { description: 'As it was loaded.', content: { 'application/json': ollamaShowSchema } },
    },
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, 'model_unavailable', 'shutting_down'],
    errorShape: 'ollama',
  },
  {
    method: 'get',
    path: '/api/version',
    tag: 'Ollama',
    summary: 'Which release of Ollama this speaks like',
    answers: {
      200: {
        description: 'For clients that ask for a minimum.',
        content: { 'application/json': ollamaVersionSchema },
      },
    },
    errors: ['internal'],
    errorShape: 'ollama',
  },
  {
    method: 'post',
    path: '/api/pull',
    tag: 'Ollama',
    summary: 'Pull the model',
    description: 'The served model is there already; no other can be pulled.',
    body: ollamaPullBodySchema,
    answers: {
      200: {
        description: 'It is there.',
        content: { 'application/x-ndjson': ollamaStatusSchema, 'application/json': ollamaStatusSchema },
      },
    },
    errors: [...BODY_ERRORS, 'unsupported_operation'],
    errorShape: 'ollama',
  },
  ...UNMANAGED.map(
    ([method, path]): Operation => ({
      method,
      path,
      tag: 'Ollama',
      summary: 'Not here: models are not managed',
      ...(path.includes('{') ? { pathParams: z.object({ digest: z.string() }) } : {}),
      answers: {},
      errors: ['unsupported_operation', 'invalid_request', 'internal'],
      errorShape: 'ollama',
    }),
  ),
];
