import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { addBuckets, bucketsOf, increaseOf, parseMetrics, quantileOf, sumOf } from './metrics-text.js';

describe('a line', () => {
  it('is a name, labels in any number and a value', () => {
    expect(parseMetrics('up 1\nreq{} 2\nreq{a="b"} 3\nreq{a="b",c="d",} 4.5e-3')).toEqual([
      { name: 'up', labels: {}, value: 1 },
      { name: 'req', labels: {}, value: 2 },
      { name: 'req', labels: { a: 'b' }, value: 3 },
      { name: 'req', labels: { a: 'b', c: 'd' }, value: 0.0045 },
    ]);
  });

  it('may have braces, commas, quotes, backslashes and new lines in its labels', () => {
    const labels = { a: 'x} 7', b: 'say "hi", \\n', c: 'two\nlines', d: '' };
    const [sample] = parseMetrics(String.raw`m{a="x} 7",b="say \"hi\", \\n",c="two\nlines",d=""} 1`);
    expect(sample).toEqual({ name: 'm', labels, value: 1 });
  });

  it('may be infinite, no number, have a time or an exemplar, and end as on Windows', () => {
    const text = 'a +Inf\r\nb -Inf\nc NaN\nd 3 1700000000000\ne{x="y"} 4 # {id="7"} 0.5 1.7';
    expect(parseMetrics(text).map(({ name, value }) => [name, value])).toEqual([
      ['a', Infinity],
      ['b', -Infinity],
      ['c', Number.NaN],
      ['d', 3],
      ['e', 4],
    ]);
  });

  it('that is a comment, empty, cut or no sample is left out', () => {
    const text =
      '# HELP a b\n# TYPE a counter\n\n   \na\na{b="c"}\na{b="c 1\na{b="c} 1\nalert(1)\na x\n# EOF\nlast 1';
    expect(parseMetrics(text)).toEqual([{ name: 'last', labels: {}, value: 1 }]);
  });
});

it('reads what prom-client writes', async () => {
  const registry = new Registry();
  const counter = new Counter({ name: 'c_total', help: 'h', labelNames: ['x'], registers: [registry] });
  const histogram = new Histogram({ name: 'h', help: 'h', buckets: [0.1, 1], registers: [registry] });
  counter.inc({ x: 'a "b"\\\n}' }, 2);
  counter.inc({ x: 'other' }, 3);
  for (const value of [0.05, 0.5, 0.7, 9]) histogram.observe(value);
  const samples = parseMetrics(await registry.metrics());
  expect(sumOf(samples, 'c_total')).toBe(5);
  expect(sumOf(samples, 'c_total', { x: 'a "b"\\\n}' })).toBe(2);
  expect(sumOf(samples, 'c_total', { x: 'none' })).toBeNull();
  expect(bucketsOf(samples, 'h')).toEqual({ bounds: [0.1, 1, Infinity], counts: [1, 3, 4] });
  expect(bucketsOf(samples, 'none')).toBeNull();
});

it('adds the buckets of all labels, in the order of their bounds', () => {
  const text =
    'h_bucket{m="a",le="+Inf"} 3\nh_bucket{m="a",le="1"} 2\nh_bucket{m="b",le="1"} 5\nh_bucket{m="b",le="+Inf"} 5';
  expect(bucketsOf(parseMetrics(text), 'h')).toEqual({ bounds: [1, Infinity], counts: [7, 8] });
});

describe('an increase', () => {
  const bounds = [1, 2, Infinity];
  const before = { bounds, counts: [1, 2, 2] };

  it('is the difference', () => {
    expect(increaseOf(before, { bounds, counts: [1, 4, 5] }, false).counts).toEqual([0, 2, 3]);
  });

  it('is everything after a restart, seen by a smaller count or told', () => {
    expect(increaseOf(before, { bounds, counts: [0, 1, 1] }, false).counts).toEqual([0, 1, 1]);
    expect(increaseOf(before, { bounds, counts: [5, 6, 7] }, true).counts).toEqual([5, 6, 7]);
    expect(increaseOf(null, before, false).counts).toEqual([1, 2, 2]);
    expect(increaseOf({ bounds: [3, Infinity], counts: [0, 0] }, before, false).counts).toEqual([1, 2, 2]);
  });

  it('can be added to others of the same bounds', () => {
    expect(addBuckets([before, before])?.counts).toEqual([2, 4, 4]);
    expect(addBuckets([before, { bounds: [1, Infinity], counts: [1, 1] }])).toBeNull();
    expect(addBuckets([])).toBeNull();
  });
});

describe('a quantile', () => {
  const of = (counts: readonly number[], share: number) =>
    quantileOf({ bounds: [1, 2, 4, Infinity], counts }, share);

  it('lies evenly within its bucket', () => {
    expect(of([10, 10, 10, 10], 0.5)).toBe(0.5);
    expect(of([0, 10, 10, 10], 0.5)).toBe(1.5);
    expect(of([5, 5, 15, 15], 0.5)).toBe(2.5);
    expect(of([5, 5, 15, 15], 1)).toBe(4);
  });

  it('is the last bound where it lies beyond it, and null where nothing is', () => {
    expect(of([0, 0, 0, 3], 0.5)).toBe(4);
    expect(of([0, 0, 0, 0], 0.5)).toBeNull();
    expect(quantileOf({ bounds: [Infinity], counts: [3] }, 0.5)).toBeNull();
    expect(quantileOf({ bounds: [], counts: [] }, 0.5)).toBeNull();
  });
});
