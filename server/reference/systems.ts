// The replaced systems beside system A: the two-step chat (C), the RAG server's chat (D) and the history server's
// stream (E).
import { z } from 'zod';
import { chatBodySchema } from '../dialects/chat-body.js';
import {
  clientPathSchema,
  clientQuerySchema,
  submitAnswerSchema,
  submitBodySchema,
} from '../dialects/job-body.js';
import { jobEventSchema } from '../dialects/job-sse.js';
import { chatChunkSchema as openAiChunkSchema } from '../dialects/openai-chat.js';
import { chatAnswerSchema, chatChunkSchema } from '../dialects/simple-sse.js';
import { streamBodySchema, streamQuerySchema } from '../dialects/stream-body.js';
import { healthOperation } from './native.js';
import { BODY_ERRORS, GENERATION_ERRORS, GROUNDING_ERRORS, type Operation } from './operation.js';

export const systemsOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v1/chat',
    tag: 'Replaced systems',
    summary: 'Answer a conversation',
    description:
      'Server-sent events that end with `data: [DONE]`; an answer without it has failed. With `stream: false` one object. ' +
      'It rests on stored documents where any is near enough, and its first record tells which; with `documents` the request says more.',
    body: chatBodySchema,
    answers: {
      200: {
        description: 'The answer, as it is written or whole.',
        content: { 'text/event-stream': chatChunkSchema, 'application/json': chatAnswerSchema },
        lastData: '[DONE]',
      },
    },
    errors: [...BODY_ERRORS, ...GENERATION_ERRORS, ...GROUNDING_ERRORS],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/api/v1/chat/stream/{client_id}',
    tag: 'Replaced systems',
    summary: 'Open the stream of a client',
    description:
      'Named server-sent events of all jobs of the client, one job after the other; a newer connection of the same client replaces it. ' +
      'The header Last-Event-ID takes up a broken stream.',
    pathParams: clientPathSchema,
    query: clientQuerySchema,
    answers: {
      200: { description: 'What `data` holds.', content: { 'text/event-stream': jobEventSchema } },
      204: { description: 'With `from`: there is nothing more to read.' },
    },
    errors: [
      'invalid_request',
      'job_not_found',
      'job_expired',
      'client_id_taken',
      'too_many_streams',
      'shutting_down',
      'internal',
    ],
    errorShape: 'simple',
  },
  {
    method: 'delete',
    path: '/api/v1/chat/stream/{client_id}',
    tag: 'Replaced systems',
    summary: 'Give up a client: cancel its jobs at once',
    pathParams: clientPathSchema,
    answers: { 204: { description: 'Its jobs are cancelled and its stream ends.' } },
    errors: ['invalid_request', 'client_not_connected', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/api/v1/chat/submit',
    tag: 'Replaced systems',
    summary: "Submit a job that is answered on its client's stream",
    body: submitBodySchema,
    answers: {
      202: {
        description: 'It has its place in the line.',
        content: { 'application/json': submitAnswerSchema },
      },
    },
    errors: [...BODY_ERRORS, ...GENERATION_ERRORS, ...GROUNDING_ERRORS, 'client_not_connected'],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/stream',
    tag: 'Replaced systems',
    summary: 'Answer a prompt as bare text or as chunks',
    description: 'A failure breaks the connection of bare text; chunks end with the error.',
    query: streamQuerySchema,
    body: streamBodySchema,
    answers: {
      200: {
        description: 'The answer, as it is written.',
        content: { 'text/plain': z.string(), 'text/event-stream': openAiChunkSchema },
        lastData: '[DONE]',
      },
    },
    errors: [...BODY_ERRORS, ...GENERATION_ERRORS],
    errorShape: 'simple',
  },
  { ...healthOperation, path: '/api/v1/health', summary: 'The same as /health' },
];
