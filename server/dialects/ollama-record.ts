// What every record of an Ollama answer carries: model and time, and at the end how long it took, in nanoseconds.
import { z } from 'zod';
import type { GenerationEvent, Timings, TokenLogprob, Usage } from '../domain/generation.js';
import type { AppError } from '../errors.js';
import type { EncoderContext, StreamEncoder } from './dialect.js';
import { someGroundingFields } from './grounding-fields.js';
import { ollamaErrorBody } from './ollama-error.js';
import { oneLineJson } from './one-line-json.js';

export interface OllamaContext extends Omit<EncoderContext, 'createdAt'> {
  /** Every record says when it was written. */
  readonly now: () => Date;
}

export type Fields = Readonly<Record<string, unknown>>;
type End = Pick<Extract<GenerationEvent, { type: 'done' }>, 'reason' | 'usage' | 'timings'>;

const NANOSECONDS_PER_MS = 1e6;

const count = z.int().min(1);
const logprob = z.object({ token: z.string(), logprob: z.number() });

/** For the schemas of what is sent. */
export const recordFields = {
  model: z.string().describe('As the request names it.'),
  created_at: z.iso.datetime().describe('When this record was written.'),
  logprobs: z.array(logprob.extend({ top_logprobs: z.array(logprob).optional() })).optional(),
  ...someGroundingFields,
} as const;

export const endFields = {
  done: z.literal(true),
  done_reason: z.enum(['stop', 'length', 'cancelled', 'load', 'unload']),
  total_duration: count.optional().describe('Nanoseconds, as are the others: the sum of the three below.'),
  load_duration: count.optional().describe('Until it was evaluated: waiting for the model and its turn.'),
  prompt_eval_count: count.optional().describe('Tokens of the prompt, those taken from the cache included.'),
  prompt_eval_duration: count.optional(),
  eval_count: count.optional().describe('Tokens of the answer.'),
  eval_duration: count.optional(),
} as const;

/** A record's share of them; none when none were asked for. */
export function toWireLogprobs(logprobs: readonly TokenLogprob[] | null | undefined): Fields {
  if (!logprobs) return {};
  return {
    logprobs: logprobs.map(({ token, logprob: value, top }) => ({
      token,
      logprob: value,
      ...(top.length === 0 ? {} : { top_logprobs: top }),
    })),
  };
}

/** How it ended and what it cost. */
export function toEnd({ reason, usage, timings }: End): Fields {
  return { done: true, done_reason: reason, ...toMetrics(usage, timings) };
}

/** Whole numbers; what is zero is left out, as Ollama does. */
function toMetrics(usage: Usage, timings: Timings): Fields {
  const [load, prompt, answer] = [timings.queueMs, timings.prefillMs, timings.decodeMs].map(ms =>
    Math.round(ms * NANOSECONDS_PER_MS),
  ) as [number, number, number];
  const metrics = {
    total_duration: load + prompt + answer,
    load_duration: load,
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: prompt,
    eval_count: usage.completionTokens,
    eval_duration: answer,
  };
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => value > 0));
}

/**
 * NDJSON whose silence is a record without text.
 * @param encode the fields of a record beside model and time; null when the event has none.
 */
export function createRecordEncoder(
  { model, now }: OllamaContext,
  empty: Fields,
  encode: (event: GenerationEvent) => Fields | null,
): StreamEncoder {
  const record = (createdAt: string, fields: Fields): string =>
    `${oneLineJson({ model, created_at: createdAt, ...fields })}\n`;
  return {
    contentType: 'application/x-ndjson',
    events: batch => {
      const createdAt = now().toISOString();
      let text = '';
      for (const event of batch) {
        const fields = encode(event);
        if (fields !== null) text += record(createdAt, fields);
      }
      return text;
    },
    heartbeat: () => record(now().toISOString(), empty),
    error: (error: AppError) => `${oneLineJson(ollamaErrorBody(error))}\n`,
  };
}

/** An answer that is one object: `fields` are its text and its end. */
export function toAnswer({ model, now }: OllamaContext, fields: Fields): Fields {
  return { model, created_at: now().toISOString(), ...fields };
}
