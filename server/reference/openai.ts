// OpenAI's chat completions, completions and models.
import { z } from 'zod';
import { chatAnswerSchema, chatChunkSchema } from '../dialects/openai-chat.js';
import { chatBodySchema } from '../dialects/openai-chat-body.js';
import { completionAnswerSchema, completionChunkSchema } from '../dialects/openai-completions.js';
import { completionsBodySchema } from '../dialects/openai-completions-body.js';
import { modelListSchema, modelSchema } from '../dialects/openai-models.js';
import { BODY_ERRORS, GENERATION_ERRORS, GROUNDING_ERRORS, type Operation } from './operation.js';

export const openAiOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    tag: 'OpenAI',
    summary: 'Answer a conversation',
    description:
      'Takes a bare `prompt`, too, with `stream`. A stream ends with `data: [DONE]`, also behind an error, which is a record of its own.',
    body: chatBodySchema,
    answers: {
      200: {
        description: 'The answer, or its stream.',
        content: { 'application/json': chatAnswerSchema, 'text/event-stream': chatChunkSchema },
        lastData: '[DONE]',
      },
    },
    errors: [
      ...BODY_ERRORS,
      'unsupported_parameter',
      'model_not_found',
      ...GENERATION_ERRORS,
      ...GROUNDING_ERRORS,
    ],
    errorShape: 'openai',
  },
  {
    method: 'post',
    path: '/v1/completions',
    tag: 'OpenAI',
    summary: 'Go on from a text',
    body: completionsBodySchema,
    answers: {
      200: {
        description: 'The answer, or its stream.',
        content: { 'application/json': completionAnswerSchema, 'text/event-stream': completionChunkSchema },
        lastData: '[DONE]',
      },
    },
    errors: [
      ...BODY_ERRORS,
      'unsupported_parameter',
      'model_not_found',
      'model_loading',
      ...GENERATION_ERRORS,
    ],
    errorShape: 'openai',
  },
  {
    method: 'get',
    path: '/v1/models',
    tag: 'OpenAI',
    summary: 'List what is served',
    answers: {
      200: {
        description: 'The model, and the embedder once it is known.',
        content: { 'application/json': modelListSchema },
      },
    },
    errors: ['internal'],
    errorShape: 'openai',
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    tag: 'OpenAI',
    summary: 'Look up a model',
    pathParams: z.object({ id: z.string().describe('May hold `/` and `:`, as they are or escaped.') }),
    answers: {
      200: {
        description: 'The model that answers to this name.',
        content: { 'application/json': modelSchema },
      },
    },
    errors: ['model_not_found', 'invalid_request', 'internal'],
    errorShape: 'openai',
  },
];
