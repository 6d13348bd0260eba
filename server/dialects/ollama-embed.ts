// Ollama's /api/embed and the older /api/embeddings: bodies, and the pieces that the answers are written in.
// https://github.com/ollama/ollama, api/types.go: EmbedRequest, EmbeddingRequest
import { z } from 'zod';
import type { Embedding } from '../domain/embedding.js';
import { keepAliveSchema } from './ollama-duration.js';
import { modelField } from './ollama-fields.js';
import { shortestFloats } from './vector-text.js';

const MAX_INPUTS = 2_048;
const NS_PER_MS = 1e6;

/** What a request says of how the model is to be run, shared by both. */
const settings = {
  model: modelField,
  keep_alive: keepAliveSchema
    .nullish()
    .describe(
      'How long the worker, with the model, stays in memory: seconds or a duration; negative is for ever.',
    ),
  options: z
    .looseObject({
      num_ctx: z
        .int()
        .min(1)
        .nullish()
        .describe("Tokens of a text beyond which it is cut; fewer than the embedder's own are refused."),
    })
    .nullish()
    .describe('Of the sampling and of the machine: no vector depends on them, so they pass.'),
};

export const embedBodySchema = z.object({
  input: z
    .union([z.string(), z.array(z.string()).max(MAX_INPUTS)])
    .default([])
    .describe('A text or a list of texts; none only asks whether the embedder is there.'),
  truncate: z
    .boolean()
    .nullish()
    .describe('False refuses a text that is too long; by default its end is cut off.'),
  dimensions: z.int().min(0).max(1_000_000).nullish().describe("The embedder's own, or it is refused."),
  ...settings,
});

export const legacyEmbedBodySchema = z.object({
  prompt: z.string().default('').describe('A text; an empty one only asks whether the embedder is there.'),
  ...settings,
});

export const embedAnswerSchema = z.object({
  model: z.string(),
  embeddings: z.array(z.array(z.number())),
  total_duration: z.int().min(0).describe('Nanoseconds.'),
  load_duration: z.int().min(0).describe('Nanoseconds until the worker could take the texts.'),
  prompt_eval_count: z.int().min(0),
});

export const legacyEmbedAnswerSchema = z.object({ embedding: z.array(z.number()) });

/** An empty string is no text, as in Ollama; within a list it is one. */
export function toInputs({ input }: z.output<typeof embedBodySchema>): string[] {
  if (typeof input !== 'string') return input;
  return input === '' ? [] : [input];
}

export interface EmbedFigures {
  readonly model: string;
  readonly totalMs: number;
  readonly waitedMs: number;
}

/** The JSON of the answer; no piece is more than one vector. */
export function* embedAnswer(
  embeddings: readonly Embedding[],
  { model, totalMs, waitedMs }: EmbedFigures,
): Generator<string> {
  yield `${JSON.stringify({ model }).slice(0, -1)},"embeddings":[`;
  for (const [index, { vector }] of embeddings.entries()) {
    yield `${index === 0 ? '' : ','}${shortestFloats(vector)}`;
  }
  const figures = {
    total_duration: Math.round(totalMs * NS_PER_MS),
    load_duration: Math.round(waitedMs * NS_PER_MS),
    prompt_eval_count: embeddings.reduce((sum, { tokens }) => sum + tokens, 0),
  };
  yield `],${JSON.stringify(figures).slice(1)}`;
}

export function* legacyEmbedAnswer([embedding]: readonly Embedding[]): Generator<string> {
  yield `{"embedding":${embedding === undefined ? '[]' : shortestFloats(embedding.vector)}}`;
}
