// Vectors as JSON, and which of them are of texts that were cut.
import type { Embedding } from '../domain/embedding.js';

/** Enough for the number to be read back as the same float32; as doubles they would take twice the room. */
const FLOAT_DIGITS = 9;

/** A JSON array. */
export function shortestFloats(vector: Float32Array): string {
  return JSON.stringify(Array.from(vector, number => Number(number.toPrecision(FLOAT_DIGITS))));
}

/** Positions of the texts that were cut, from 0, as `0,3-5`; empty when none was. */
export function truncatedAt(embeddings: readonly Embedding[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const [index, { isTruncated }] of embeddings.entries()) {
    const run = runs.at(-1);
    if (!isTruncated) continue;
    if (run?.last === index - 1) run.last = index;
    else runs.push({ first: index, last: index });
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
