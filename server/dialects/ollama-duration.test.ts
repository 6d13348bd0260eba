import { expect, it } from 'vitest';
import { keepAliveSchema } from './ollama-duration.js';

it.each([
  [300, 300_000],
  [0, 0],
  [1.5, 1_500],
  [-1, Number.POSITIVE_INFINITY],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['300ms', 300],
  ['0', 0],
  ['0s', 0],
  ['20', 20_000],
  ['-1', Number.POSITIVE_INFINITY],
  ['-1m', Number.POSITIVE_INFINITY],
  [1e300, Number.POSITIVE_INFINITY],
  ['99999999999h', Number.POSITIVE_INFINITY],
])('%j keeps the model for %d ms', (value, ms) => {
  expect(keepAliveSchema.parse(value)).toBe(ms);
});

it.each(['', '-', 'm', '5 m', '5x', '1h30', 'forever', true, '1.2.3'])('%j is no duration', value => {
  expect(keepAliveSchema.safeParse(value).success).toBe(false);
});
