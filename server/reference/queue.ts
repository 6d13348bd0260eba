// The line: who waits, how long yet, and leaving it.
import { queueCancelledSchema, queueIdSchema, queueSchema } from '../dialects/queue.js';
import type { Operation } from './operation.js';

export const queueOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/queue',
    tag: 'Queue',
    summary: 'What waits and runs now',
    answers: { 200: { description: 'The line as it stands.', content: { 'application/json': queueSchema } } },
    errors: ['internal'],
    errorShape: 'openai',
  },
  {
    method: 'get',
    path: '/v1/queue/events',
    tag: 'Queue',
    summary: 'The same, again after every change',
    description: 'Events named `queue`, four a second at most; the stream ends with the gateway.',
    answers: {
      200: { description: 'A snapshot an event.', content: { 'text/event-stream': queueSchema } },
    },
    errors: ['too_many_streams', 'shutting_down', 'internal'],
    errorShape: 'openai',
  },
  {
    method: 'delete',
    path: '/v1/queue/{id}',
    tag: 'Queue',
    summary: 'Cancel an exchange that waits or runs',
    description: 'It ends as `cancelled` for its client; what it said so far is in the log.',
    pathParams: queueIdSchema,
    answers: {
      200: { description: 'It is cancelled.', content: { 'application/json': queueCancelledSchema } },
    },
    errors: ['exchange_not_found', 'invalid_request', 'internal'],
    errorShape: 'openai',
  },
];
