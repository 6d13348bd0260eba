// Ollama's format: answers, and in time everything about models.
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
import { BODY_ERRORS, GENERATION_ERRORS, type Operation } from './operation.js';

const PARAMETER_ERRORS = ['unsupported_parameter', 'model_not_found', 'model_loading'] as const;
const DESCRIPTION =
  'Streams NDJSON lines unless `stream` is false. With nothing to answer it loads the model, or with `keep_alive` 0 unloads it.';

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
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, ...GENERATION_ERRORS],
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
    errors: [...BODY_ERRORS, ...PARAMETER_ERRORS, ...GENERATION_ERRORS],
    errorShape: 'ollama',
  },
];
