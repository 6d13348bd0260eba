// The replaced systems beside system A: the RAG server's chat (D).
import { chatBodySchema } from '../dialects/chat-body.js';
import { chatAnswerSchema, chatChunkSchema } from '../dialects/simple-sse.js';
import { healthSchema } from './native.js';
import { BODY_ERRORS, GENERATION_ERRORS, type Operation } from './operation.js';

export const systemsOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v1/chat',
    tag: 'Replaced systems',
    summary: 'Answer a conversation',
    description:
      'Server-sent events that end with `data: [DONE]`; an answer without it has failed. With `stream: false` one object.',
    body: chatBodySchema,
    answers: {
      200: {
        description: 'The answer, as it is written or whole.',
        content: { 'text/event-stream': chatChunkSchema, 'application/json': chatAnswerSchema },
      },
    },
    errors: [...BODY_ERRORS, ...GENERATION_ERRORS],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/api/v1/health',
    tag: 'Health',
    summary: 'The same as /health',
    answers: {
      200: {
        description: 'Also when something is wrong: `status` tells.',
        content: { 'application/json': healthSchema },
      },
    },
    errors: ['internal'],
    errorShape: 'simple',
  },
];
