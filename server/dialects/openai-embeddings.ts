// OpenAI's /v1/embeddings: its body, and the pieces that its answer is written in.
// https://platform.openai.com/docs/api-reference/embeddings; both SDKs ask for base64 unless they are told otherwise.
import { z } from 'zod';
import type { Embedding, EmbedInput } from '../domain/embedding.js';
import { shortestFloats } from './vector-text.js';

const MAX_INPUTS = 2_048;
const MAX_TOKENS = 8_192;
const MAX_ID = 2 ** 31 - 1;
const FLOAT_BYTES = 4;

const text = z.string().min(1, 'must not be empty');
const id = z.int().min(0).max(MAX_ID);
const list = z
  .array(z.union([text, id, z.array(id).min(1).max(MAX_TOKENS)]))
  .min(1, 'must not be empty')
  .max(MAX_TOKENS)
  .refine(([first]) => typeof first === 'number', {
    error: `at most ${MAX_INPUTS} texts`,
    when: ({ value }) => Array.isArray(value) && value.length > MAX_INPUTS,
  })
  .refine(items => items.every(item => typeof item === typeof items[0]), {
    error: 'must be texts only, token ids only, or lists of token ids only',
  });

export const embeddingsBodySchema = z.object({
  input: z
    .union([text, list])
    .describe("A text, token ids of the embedder's own vocabulary, or a list of either."),
  model: z
    .string()
    .max(256)
    .optional()
    .describe('Name of the embedder, or an alias; absent, the one there is.'),
  encoding_format: z
    .enum(['float', 'base64'])
    .default('float')
    .describe('Numbers, or base64 of little-endian float32.'),
  dimensions: z.int().min(1).max(1_000_000).optional().describe("The embedder's own, or it is refused."),
  user: z.string().max(1_000).optional().describe('Accepted; nothing depends on it.'),
});

export type EmbeddingsBody = z.output<typeof embeddingsBodySchema>;

export const embeddingsAnswerSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int().min(0),
      embedding: z.union([z.array(z.number()), z.base64()]),
      truncated: z.literal(true).optional().describe('The end of this text was cut off to fit the context.'),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) }),
});

/** One text or one list of ids is a list of one. */
export function toInputs({ input }: EmbeddingsBody): EmbedInput[] {
  if (typeof input === 'string') return [input];
  const ids = input.filter(item => typeof item === 'number');
  return ids.length > 0 ? [ids] : input.filter(item => typeof item !== 'number');
}

/** The JSON of the answer; no piece is more than one vector. */
export function* embeddingsAnswer(
  embeddings: readonly Embedding[],
  model: string,
  format: EmbeddingsBody['encoding_format'],
): Generator<string> {
  yield '{"object":"list","data":[';
  for (const [index, { vector, isTruncated }] of embeddings.entries()) {
    const embedding = format === 'base64' ? `"${toBase64(vector)}"` : shortestFloats(vector);
    const truncated = isTruncated ? ',"truncated":true' : '';
    yield `${index === 0 ? '' : ','}{"object":"embedding","index":${index},"embedding":${embedding}${truncated}}`;
  }
  const tokens = embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  yield `],${JSON.stringify({ model, usage }).slice(1)}`;
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * FLOAT_BYTES);
  vector.forEach((number, at) => {
    bytes.writeFloatLE(number, at * FLOAT_BYTES);
  });
  return bytes.toString('base64');
}
