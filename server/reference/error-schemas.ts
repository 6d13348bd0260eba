// The four shapes of an error body as schemas, for the reference. The bodies themselves are made in dialects/*-error.ts.
import { z } from 'zod';
import type { ErrorShape } from './operation.js';

const message = z.string().describe('What is wrong, for a person; with the remedy where there is one.');

export const ERROR_SCHEMAS: Readonly<Record<ErrorShape, z.ZodType>> = {
  simple: z
    .object({
      error: message,
      code: z.string().describe('One of the codes of the table of errors.'),
      param: z.string().optional().describe('The field that is wrong.'),
      detail: z.string().optional().describe('What would have been right.'),
      request_id: z.string(),
    })
    .meta({ id: 'Error' }),
  openai: z
    .object({
      error: z.object({
        message,
        type: z.string(),
        param: z.string().nullable().describe('The field that is wrong.'),
        code: z.string().nullable(),
      }),
    })
    .meta({ id: 'OpenAiError' }),
  ollama: z.object({ error: message }).meta({ id: 'OllamaError' }),
  anthropic: z
    .object({
      type: z.literal('error'),
      error: z.object({ type: z.string(), message }),
      request_id: z.string(),
    })
    .meta({ id: 'AnthropicError' }),
};
