// The gateway's own routes: the prompt server of system A, and how it is.
import { z } from 'zod';
import { generateBodySchema } from '../dialects/generate-body.js';
import { healthSchema } from '../dialects/health.js';
import { wireTimingsSchema, wireUsageSchema } from '../dialects/wire-figures.js';
import { BODY_ERRORS, GENERATION_ERRORS, type Operation } from './operation.js';

const status = z.object({ status: z.string() });

const generateLine = z.object({
  response: z.string().describe('A piece of the answer; empty in lines that only tell something.'),
  logprobs: z.array(z.unknown()).optional(),
  status: z.literal('queued').optional(),
  position: z.int().min(1).optional().describe('Place in the line; 1 is next.'),
  estimated_wait_ms: z
    .int()
    .min(0)
    .nullable()
    .optional()
    .describe('Until its turn, from measured speed; null while that is not known.'),
  done: z.literal(true).optional().describe('The last line, and only that.'),
  done_reason: z.enum(['stop', 'length', 'cancelled', 'error']).optional(),
  error: z.object({ code: z.string(), message: z.string(), request_id: z.string() }).optional(),
  id: z.string().optional(),
  model: z.string().optional(),
  numerics: z.string().nullable().optional().describe('What the answer was computed in, such as int8.'),
  stop_sequence: z.string().nullable().optional(),
  usage: wireUsageSchema.optional(),
  timings: wireTimingsSchema.optional(),
});

export const healthOperation: Operation = {
  method: 'get',
  path: '/health',
  tag: 'Health',
  summary: 'The model, the queue, the log and the last crash',
  answers: {
    200: {
      description: 'Also when something is wrong: `status` tells.',
      content: { 'application/json': healthSchema },
    },
  },
  errors: ['internal'],
  errorShape: 'simple',
};

export const nativeOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/generate',
    tag: 'minivault',
    summary: 'Answer a prompt',
    description:
      'Streams NDJSON lines; with `Accept: text/plain` bare text, and a failure breaks the connection.',
    body: generateBodySchema,
    answers: {
      200: {
        description: 'The answer, as it is written.',
        content: { 'application/x-ndjson': generateLine, 'text/plain': z.string() },
      },
    },
    errors: [...BODY_ERRORS, 'not_acceptable', ...GENERATION_ERRORS],
    errorShape: 'simple',
  },
  healthOperation,
  {
    method: 'get',
    path: '/livez',
    tag: 'Health',
    summary: 'Does the process live?',
    answers: { 200: { description: 'It does.', content: { 'application/json': status } } },
    errors: ['internal'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/readyz',
    tag: 'Health',
    summary: 'Would a prompt be answered now?',
    answers: { 200: { description: 'It would.', content: { 'application/json': status } } },
    errors: ['model_loading', 'model_unavailable', 'shutting_down', 'internal'],
    errorShape: 'simple',
  },
];
