// Vectors of texts, in OpenAI's format and in Ollama's.
import {
  embedAnswerSchema,
  embedBodySchema,
  legacyEmbedAnswerSchema,
  legacyEmbedBodySchema,
} from '../dialects/ollama-embed.js';
import { embeddingsAnswerSchema, embeddingsBodySchema } from '../dialects/openai-embeddings.js';
import type { ErrorCode } from '../errors.js';
import { BODY_ERRORS, type Operation, WORK_ERRORS } from './operation.js';

const EMBED_ERRORS = [
  ...BODY_ERRORS,
  'unsupported_parameter',
  'model_not_found',
  ...WORK_ERRORS,
] as const satisfies readonly ErrorCode[];

export const embeddingOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/embeddings',
    tag: 'OpenAI',
    summary: 'Turn texts into vectors',
    description:
      'The end of a text that is longer than the context is cut off; `X-Truncated-Inputs` lists these texts, as `0,3-5`.',
    body: embeddingsBodySchema,
    answers: {
      200: {
        description: 'Vectors of unit length, in order.',
        content: { 'application/json': embeddingsAnswerSchema },
      },
    },
    errors: EMBED_ERRORS,
    errorShape: 'openai',
  },
  {
    method: 'post',
    path: '/api/embed',
    tag: 'Ollama',
    summary: 'Turn texts into vectors',
    description: '`X-Truncated-Inputs` lists the texts whose end was cut off, as `0,3-5`.',
    body: embedBodySchema,
    answers: {
      200: {
        description: 'Vectors of unit length, in order.',
        content: { 'application/json': embedAnswerSchema },
      },
    },
    errors: EMBED_ERRORS,
    errorShape: 'ollama',
  },
  {
    method: 'post',
    path: '/api/embeddings',
    tag: 'Ollama',
    summary: 'Turn one text into a vector',
    body: legacyEmbedBodySchema,
    answers: {
      200: {
        description: 'A vector of unit length.',
        content: { 'application/json': legacyEmbedAnswerSchema },
      },
    },
    errors: EMBED_ERRORS,
    errorShape: 'ollama',
  },
];
