import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { StepHistogram } from './step-histogram.js';

function create(registry = new Registry()) {
  const labels = () => ({ model: 'm"1' });
  const histogram = new StepHistogram({
    name: 'minivault_gap_seconds',
    help: 'A gap.',
    buckets: [0.01, 0.1],
    registry,
    labels,
    labelNames: ['model'],
  });
  return { histogram, registry };
}

it('counts each value into its bucket, bounds included, however often it comes in a row', async () => {
  const { histogram, registry } = create();
  for (const value of [0.01, 0.01, 0.01, 0.05, 0.01, 7, 7]) histogram.add(value);
  expect((await registry.metrics()).trim().split('\n')).toEqual([
    '# HELP minivault_gap_seconds A gap.',
    '# TYPE minivault_gap_seconds histogram',
    'minivault_gap_seconds_bucket{le="0.01",model="m\\"1"} 4',
    'minivault_gap_seconds_bucket{le="0.1",model="m\\"1"} 5',
    'minivault_gap_seconds_bucket{le="+Inf",model="m\\"1"} 7',
    'minivault_gap_seconds_sum{model="m\\"1"} 14.09',
    'minivault_gap_seconds_count{model="m\\"1"} 7',
  ]);
  histogram.add(7);
  expect(await registry.metrics()).toContain('minivault_gap_seconds_count{model="m\\"1"} 8');
});

it('says nothing of labels before there is anything to say', async () => {
  const { registry } = create();
  expect((await registry.metrics()).trim().split('\n')).toHaveLength(2);
});

it('tells as JSON what it tells as text', async () => {
  const { histogram, registry } = create();
  histogram.add(0.5);
  const [told] = await registry.getMetricsAsJSON();
  expect((told as unknown as { values: unknown[] }).values).toContainEqual({
    metricName: 'minivault_gap_seconds_bucket',
    labels: { le: '+Inf', model: 'm"1' },
    value: 1,
  });
});
