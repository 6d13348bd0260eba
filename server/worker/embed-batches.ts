// A long list of texts as messages that fit the protocol, and the worker's answers as vectors. Knows no channel.
import type { Embedding, EmbedInput } from '../domain/embedding.js';
import { AppError } from '../errors.js';
import type { Answer } from './calls.js';

/** The answer must fit a line, too: 64 vectors of 384 numbers are 131 KB of base64. */
const MAX_TEXTS = 64;
/** Some two seconds of one core, of which a busy machine may leave the embedder a twentieth. */
const MAX_BYTES = 32 * 1024;
const FLOAT_BYTES = 4;
/** What an id takes in JSON, comma included. */
const ID_BYTES = 8;

/** In order. A text that is larger than a message should be goes alone. */
export function toBatches(inputs: readonly EmbedInput[]): EmbedInput[][] {
  const batches: EmbedInput[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const input of inputs) {
    const size = typeof input === 'string' ? Buffer.byteLength(input) : input.length * ID_BYTES;
    const last = batches.at(-1);
    if (last !== undefined && last.length < MAX_TEXTS && bytes + size <= MAX_BYTES) {
      last.push(input);
      bytes += size;
    } else {
      batches.push([input]);
      bytes = size;
    }
  }
  return batches;
}

/** @throws AppError worker_error when there are not as many vectors as texts. */
export function toEmbeddings(answer: Answer<'embed'>, texts: number): Embedding[] {
  const { dimensions, tokens, truncated } = answer;
  const bytes = Buffer.from(answer.vectors, 'base64');
  const isWhole = [tokens.length, truncated.length, bytes.length / (dimensions * FLOAT_BYTES)].every(
    count => count === texts,
  );
  if (!isWhole) throw new AppError('worker_error', `The worker sent other than ${texts} vectors.`);
  return tokens.map((count, index) => ({
    vector: Float32Array.from({ length: dimensions }, (_, at) =>
      bytes.readFloatLE((index * dimensions + at) * FLOAT_BYTES),
    ),
    tokens: count,
    isTruncated: truncated[index] ?? false,
  }));
}
