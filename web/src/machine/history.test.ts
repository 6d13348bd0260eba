import { describe, expect, it } from 'vitest';
import { KEPT_MS, MachineHistory, toColumns } from './history.js';

interface Said {
  readonly started?: number;
  /** Gaps between pieces, all of them of 20 to 30 ms. */
  readonly gaps?: number;
  /** First tokens, all of them between 1 and 2 s. */
  readonly first?: number;
  readonly more?: string;
}

function metrics({ started = 1, gaps = 0, first = 0, more = '' }: Said): string {
  const gap = (le: string, count: number): string =>
    `minivault_inter_token_gap_seconds_bucket{le="${le}",model="m"} ${count}`;
  const time = (le: string, count: number): string =>
    `minivault_time_to_first_token_seconds_bucket{le="${le}",model="m",dialect="d"} ${count}`;
  return [
    `minivault_start_time_seconds ${started}`,
    gap('0.02', 0),
    gap('0.03', gaps),
    gap('+Inf', gaps),
    time('1', 0),
    time('2', first),
    time('+Inf', first),
    more,
  ].join('\n');
}

function figuresOf(...said: readonly (readonly [atMs: number, said: Said])[]) {
  const history = new MachineHistory();
  for (const [atMs, one] of said) history.add(metrics(one), atMs);
  return history.figures.at(-1);
}

describe('the figures of a look', () => {
  it('have no speed at first, and then that of the last ten seconds', () => {
    expect(figuresOf([0, { gaps: 500 }])?.tokensPerSecond).toBeNull();
    expect(figuresOf([0, { gaps: 500 }], [2_000, { gaps: 520 }])?.tokensPerSecond).toBe(10);
    const looks = Array.from({ length: 8 }, (_, at) => [at * 2_000, { gaps: at < 2 ? 0 : at * 40 }] as const);
    expect(figuresOf(...looks)?.tokensPerSecond, 'the first two looks are too old to count').toBe(20);
  });

  it('have quantiles of the last minute, and none when nothing began in it', () => {
    expect(figuresOf([0, { first: 7 }], [2_000, { first: 9 }])).toMatchObject({
      firstTokenP50: 1.5,
      firstTokenP95: 1.95,
      gapP50: null,
    });
    const quiet = Array.from({ length: 32 }, (_, at) => [(at + 1) * 2_000, { first: 2 }] as const);
    expect(figuresOf([0, { first: 0 }], ...quiet)?.firstTokenP50).toBeNull();
  });

  it('count from 0 again after a restart of the gateway, however much it counted since', () => {
    expect(figuresOf([0, { gaps: 500 }], [2_000, { gaps: 6 }])?.tokensPerSecond).toBe(3);
    expect(figuresOf([0, { gaps: 500 }], [2_000, { started: 2, gaps: 600 }])?.tokensPerSecond).toBe(300);
  });

  it('say nothing about a time in which nobody looked', () => {
    const figures = figuresOf([0, { gaps: 0 }], [60_000, { gaps: 6_000, first: 3 }]);
    expect(figures).toMatchObject({ tokensPerSecond: null, firstTokenP50: null, gapP50: null });
  });

  it('take what is there: of the line that generates, by quantile, and no memory of a worker that is not there', () => {
    const more = [
      'minivault_running_requests{line="generation"} 2',
      'minivault_running_requests{line="embedding"} 7',
      'minivault_event_loop_delay_seconds{quantile="0.99"} 0.004',
      'minivault_worker_resident_bytes 0',
      'minivault_worker_restarts_total 3',
    ].join('\n');
    expect(figuresOf([0, { more }])).toMatchObject({
      running: 2,
      waiting: null,
      delayP99: 0.004,
      workerBytes: null,
      restarts: 3,
    });
  });
});

it('keeps a quarter of an hour', () => {
  const history = new MachineHistory();
  for (let atMs = 0; atMs <= 2 * KEPT_MS; atMs += 2_000) history.add(metrics({}), atMs);
  expect(history.figures).toHaveLength(KEPT_MS / 2_000);
  expect(history.figures[0]?.atMs).toBeGreaterThan(KEPT_MS);
});

it('makes columns for a chart, with a hole where nobody looked', () => {
  const history = new MachineHistory();
  for (const atMs of [0, 2_000, 60_000]) {
    history.add(metrics({ more: `minivault_worker_restarts_total ${atMs / 1_000}` }), atMs);
  }
  expect(toColumns(history.figures, ['restarts', 'running'])).toEqual([
    [0, 2, 2.001, 60],
    [0, 2, null, 60],
    [null, null, null, null],
  ]);
});
