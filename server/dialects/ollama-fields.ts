// What generate and chat of Ollama have in common: the fields of a body, and what they make of the sampling.
// https://github.com/ollama/ollama, docs/api.md and api/types.go
import { z } from 'zod';
import type { Constraint, Sampling } from '../domain/generation.js';
import { documentsField } from './grounding-fields.js';
import { keepAliveSchema } from './ollama-duration.js';
import { type OllamaOptions, ollamaOptionsSchema, toOllamaSampling } from './ollama-options.js';
import { refusedField } from './refused-field.js';

export const modelField = z
  .string()
  .max(256)
  .nullish()
  .describe('Name of the served model, with or without `:latest`; left out, it is the one there is.');

export const ollamaFields = {
  model: modelField,
  stream: z
    .boolean()
    .nullish()
    .transform(stream => stream ?? true)
    .describe('NDJSON lines, the default, or one JSON object.'),
  format: z
    .union([z.literal('json'), z.literal(''), z.record(z.string(), z.unknown())], {
      error: '"json" or a JSON schema',
    })
    .nullish()
    .describe('"json", or a JSON schema that the answer will hold to.'),
  options: ollamaOptionsSchema
    .nullish()
    .transform((options): OllamaOptions => options ?? {})
    .describe('Sampling and limits.'),
  keep_alive: keepAliveSchema
    .nullish()
    .describe('How long the model stays in memory afterwards: seconds or a duration; negative is for ever.'),
  logprobs: z.boolean().nullish().describe('Log-probabilities of the tokens.'),
  top_logprobs: z
    .int()
    .min(0)
    .max(20)
    .nullish()
    .describe('With `logprobs`: so many alternatives for each token.'),
  truncate: z
    .boolean()
    .nullish()
    .transform(truncate => truncate ?? true)
    .describe(
      'Leave out the oldest messages when they do not fit, never the system messages and the last; false: an error.',
    ),
  documents: documentsField,
  shift: refusedField('an answer ends where the context does', [null, false]),
  think: refusedField('the model does not think aloud', [null, false]),
} as const;

/** Read as one, so that the two bodies can be answered by one route. */
const ollamaFieldsSchema = z.object(ollamaFields);
export type OllamaFields = z.output<typeof ollamaFieldsSchema>;

/** For zod's `check`: alternatives without log-probabilities would be forgotten in silence. */
export function checkLogprobs({ value, issues }: z.core.ParsePayload<OllamaFields>): void {
  if ((value.top_logprobs ?? 0) === 0 || value.logprobs === true) return;
  issues.push({
    code: 'custom',
    message: 'needs "logprobs": true',
    path: ['top_logprobs'],
    input: value.top_logprobs,
  });
}

/** `seed` is the one to use when the body has none. */
export function toSampling(body: OllamaFields, seed: number): Sampling {
  return {
    ...toOllamaSampling(body.options, seed),
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : null,
    constraint: toConstraint(body.format),
  };
}

function toConstraint(format: OllamaFields['format']): Constraint | null {
  if (format === undefined || format === null || format === '') return null;
  return format === 'json' ? { type: 'json_object' } : { type: 'json_schema', schema: format };
}
