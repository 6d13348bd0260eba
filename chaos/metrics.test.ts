import { expect, it } from 'vitest';
import { parseMetrics, sumOf } from './metrics.mjs';

it('reads names, labels with anything in them, and values', () => {
  const samples = parseMetrics(
    ['# HELP a what', '# TYPE a counter', 'a{x="1",y="a \\"b\\", {c}"} 2', 'a{x="2"} 3.5', 'b 1e3', ''].join(
      '\n',
    ),
  );
  expect(samples).toHaveLength(3);
  expect(samples[0]).toEqual({ name: 'a', labels: { x: '1', y: 'a \\"b\\", {c}' }, value: 2 });
  expect(sumOf(samples, 'a')).toBe(5.5);
  expect(sumOf(samples, 'a', { x: '2' })).toBe(3.5);
  expect(sumOf(samples, 'b')).toBe(1_000);
  expect(sumOf(samples, 'nothing')).toBe(0);
});
