import { describe, expect, it } from 'vitest';
import { shortestFloats, truncatedAt } from './vector-text.js';

const cut = (...isCut: number[]) =>
  isCut.map(flag => ({ vector: Float32Array.of(1), tokens: 1, isTruncated: flag === 1 }));

describe('a vector as text', () => {
  it('is read back as the same float32, in half the digits of a double', () => {
    const vector = Float32Array.from({ length: 1_000 }, (_, n) => Math.sin(n) / (n + 1));
    const text = shortestFloats(vector);
    expect(Float32Array.from(JSON.parse(text) as number[])).toEqual(vector);
    expect(text.length).toBeLessThan(0.75 * JSON.stringify([...vector]).length);
  });
});

describe('where texts were cut', () => {
  it.each([
    [cut(), ''],
    [cut(0, 0), ''],
    [cut(1, 0, 0, 1), '0,3'],
    [cut(1, 1, 0, 1, 1, 1), '0-1,3-5'],
  ])('is told in positions and runs of them', (embeddings, expected) => {
    expect(truncatedAt(embeddings)).toBe(expected);
  });
});
