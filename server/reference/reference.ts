// Every operation of the program, in the order of the reference page. A route without an entry fails the test beside it.
import { z } from 'zod';
import { adminOperations } from './admin.js';
import { anthropicOperations } from './anthropic.js';
import { chatOperations } from './chats.js';
import { documentsOperations } from './documents.js';
import { embeddingOperations } from './embeddings.js';
import { historyOperations } from './history.js';
import { metricsOperation } from './metrics.js';
import { nativeOperations } from './native.js';
import { ollamaOperations } from './ollama.js';
import { openAiOperations } from './openai.js';
import { responsesOperations } from './openai-responses.js';
import type { Operation } from './operation.js';
import { queueOperations } from './queue.js';
import { searchOperations } from './search.js';
import { systemsOperations } from './systems.js';
import { usageOperations } from './usage.js';

const ownOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/',
    tag: 'Reference',
    summary: 'What this is',
    answers: {
      200: {
        description:
          "Name, version and routes; a page for browsers; for all others the text that Ollama's clients look for.",
        content: { 'application/json': z.looseObject({}), 'text/html': z.string(), 'text/plain': z.string() },
      },
    },
    errors: ['internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/openapi.json',
    tag: 'Reference',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': z.looseObject({}) } } },
    errors: ['internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/docs',
    tag: 'Reference',
    summary: 'This document as a page',
    answers: {
      200: { description: 'A page that loads nothing from elsewhere.', content: { 'text/html': z.string() } },
    },
    errors: ['internal'],
    errorShape: 'simple',
  },
];

const docsAsset: Operation = {
  method: 'get',
  path: '/docs/{name}',
  tag: 'Reference',
  summary: 'A file of that page',
  pathParams: z.object({ name: z.string() }),
  answers: {
    200: {
      description: 'Style, script or icon.',
      content: { 'text/css': z.string(), 'text/javascript': z.string(), 'image/png': z.string() },
    },
  },
  errors: ['not_found', 'invalid_request', 'internal'],
  errorShape: 'simple',
};

export const OPERATIONS: readonly Operation[] = [
  ...nativeOperations,
  ...queueOperations,
  metricsOperation,
  ...historyOperations,
  ...chatOperations,
  ...openAiOperations,
  ...embeddingOperations,
  ...ollamaOperations,
  ...responsesOperations,
  ...anthropicOperations,
  ...systemsOperations,
  ...documentsOperations,
  ...searchOperations,
  ...usageOperations,
  ...adminOperations,
  ...ownOperations,
  docsAsset,
];
