// OpenAI's responses: made, kept, fetched, cancelled.
import { z } from 'zod';
import { responseAnswerSchema } from '../dialects/openai-responses.js';
import { responsesBodySchema } from '../dialects/openai-responses-body.js';
import { responseChunkSchema } from '../dialects/openai-responses-events.js';
import {
  deletedResponseSchema,
  inputItemsQuerySchema,
  inputItemsSchema,
  retrieveQuerySchema,
} from '../dialects/openai-stored-responses.js';
import { BODY_ERRORS, GENERATION_ERRORS, GROUNDING_ERRORS, type Operation } from './operation.js';

const pathParams = z.object({ id: z.string().describe('`resp_…`') });
const response = {
  description: 'The response, or its stream.',
  content: { 'application/json': responseAnswerSchema, 'text/event-stream': responseChunkSchema },
};
const ofOne = {
  tag: 'OpenAI',
  pathParams,
  errors: ['invalid_request', 'response_not_found', 'internal'],
  errorShape: 'openai',
} as const;

export const responsesOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/responses',
    tag: 'OpenAI',
    summary: 'Make a response',
    description:
      'Kept unless `store` is false: the last 1,000, and 64 MiB of them, until the gateway stops. The longest unused make room.',
    body: responsesBodySchema,
    answers: { 200: response },
    errors: [
      ...BODY_ERRORS,
      'unsupported_parameter',
      'model_not_found',
      'response_not_found',
      ...GENERATION_ERRORS,
      ...GROUNDING_ERRORS,
    ],
    errorShape: 'openai',
  },
  {
    ...ofOne,
    method: 'get',
    path: '/v1/responses/{id}',
    summary: 'Fetch a response',
    query: retrieveQuerySchema,
    answers: { 200: response },
  },
  {
    ...ofOne,
    method: 'delete',
    path: '/v1/responses/{id}',
    summary: 'Forget a response',
    answers: {
      200: { description: 'It is forgotten.', content: { 'application/json': deletedResponseSchema } },
    },
  },
  {
    ...ofOne,
    method: 'post',
    path: '/v1/responses/{id}/cancel',
    summary: 'Cancel a background response',
    answers: { 200: { description: 'As it is now.', content: { 'application/json': responseAnswerSchema } } },
  },
  {
    ...ofOne,
    method: 'get',
    path: '/v1/responses/{id}/input_items',
    summary: 'List what a response was asked with',
    query: inputItemsQuerySchema,
    answers: { 200: { description: 'A page of items.', content: { 'application/json': inputItemsSchema } } },
  },
];
