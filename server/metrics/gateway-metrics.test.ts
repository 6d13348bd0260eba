import { describe, expect, it, onTestFinished } from 'vitest';
import { parseMetrics } from '../testing/read-metrics.js';
import { METRICS } from './catalog.js';
import { createMetrics } from './gateway-metrics.js';
import type { Sources } from './sources.js';

const SOURCES: Sources = {
  worker: () => ({
    state: 'ready',
    restarts: 2,
    recycles: 1,
    rssBytes: null,
    protocolFaults: { not_json: 3 },
    upstream: { isDown: true },
  }),
  lines: { generation: { slots: 4, running: 1, waiting: 2 } },
  log: () => ({ degraded: true, spooled: 5, dropped: 6 }),
  database: () => ({ state: 'ready', exchanges: 7 }),
  behindBytes: async () => 8,
};

async function read(sources: Partial<Sources> = {}) {
  const metrics = createMetrics('1.2.3');
  onTestFinished(() => metrics.close());
  metrics.watch({ ...SOURCES, ...sources, model: () => 'm' });
  const { text } = await metrics.expose('prometheus');
  return parseMetrics(text);
}

describe('what is asked when somebody looks', () => {
  it('is told as it is then, however often it is asked', async () => {
    const metrics = createMetrics('1.2.3');
    onTestFinished(() => metrics.close());
    let restarts = 2;
    metrics.watch({ ...SOURCES, worker: () => ({ ...SOURCES.worker(), restarts }), model: () => 'm' });
    for (restarts of [2, 2, 3]) {
      const { sum } = parseMetrics((await metrics.expose('prometheus')).text);
      expect(sum('minivault_worker_restarts_total')).toBe(restarts);
      expect(sum('minivault_worker_faults_total', { kind: 'not_json' })).toBe(3);
      expect(sum('minivault_log_dropped_exchanges_total')).toBe(6);
    }
    const { sum } = await read();
    expect(sum('minivault_build_info', { version: '1.2.3', node: process.version })).toBe(1);
    expect(sum('minivault_upstream_down')).toBe(1);
    expect(sum('minivault_database_behind_bytes')).toBe(8);
    expect(sum('minivault_database_state', { state: 'ready' })).toBe(1);
    expect(sum('minivault_database_state')).toBe(1);
  });

  it.each([
    ['away', { database: () => ({ state: 'away', exchanges: 7 }) as const }],
    ['failing', { behindBytes: () => Promise.reject(new Error('gone')) }],
    ['silent', { behindBytes: () => new Promise<number>(() => {}) }],
  ])('of a database that is %s holds nothing else back', async (_what, sources) => {
    const { samples, sum, names } = await read(sources);
    expect(samples.filter(({ name }) => name === 'minivault_database_behind_bytes')).toEqual([]);
    expect(sum('minivault_waiting_requests')).toBe(2);
    expect([...names].sort()).toEqual(Object.keys(METRICS).sort());
  });
});

it('has help for each metric, a name with its unit, and few series of each histogram', () => {
  for (const [name, { type, help, ...facts }] of Object.entries(METRICS)) {
    expect(help).toMatch(/^[A-Z1].*\.$/);
    expect(name).toMatch(/^minivault_[a-z]+(?:_[a-z]+)*$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    if (type !== 'histogram') continue;
    expect(name).toMatch(/_seconds$/);
    const { buckets } = facts as { buckets: readonly number[] };
    expect(buckets.length).toBeLessThanOrEqual(11);
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
  }
});
