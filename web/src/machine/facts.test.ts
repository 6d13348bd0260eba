import { describe, expect, it } from 'vitest';
import type { AdminHealth, UserHealth } from '../../../server/dialects/health.js';
import type { UsageAnswer } from '../../../server/dialects/usage.js';
import { faults, lastCrash, limitsOf, modelFacts } from './facts.js';

const USER: UserHealth = {
  status: 'ok',
  version: '1.0.0',
  uptime_s: 5,
  queue: { waiting: 0, running: 0, max_waiting: 512 },
  documents: { top_k: 5, threshold: 0.7 },
  worker: { state: 'ready', loading: null, model: null, engine: 'fake', embedder: null, slots: 2 },
  log: { degraded: false },
  vault: { state: 'ready', vectors: true },
};
const WRITER = { degraded: false, spooled: 0, dropped: 0, torn_tails: 0, last_error: null };
const ADMIN: AdminHealth = {
  ...USER,
  worker: {
    ...USER.worker,
    fault: null,
    pid: 7,
    running: 0,
    restarts: 0,
    recycles: 0,
    rss_bytes: 1,
    last_exit: null,
    protocol_faults: {},
  },
  log: WRITER,
  audit: WRITER,
  vault: {
    state: 'ready',
    kind: 'pglite',
    fault: null,
    vectors: true,
    indexed: 0,
    last_indexed_at: null,
    behind_bytes: 0,
    damaged: 0,
  },
  limits: { enabled: true, store: 'memory', refused: {}, redis: null },
};
const MODEL: NonNullable<UserHealth['worker']['model']> = {
  id: 'tiny',
  digest: 'sha256:0f',
  architecture: 'Qwen',
  parameters: 494_032_768,
  context_length: 32_768,
  dtype: 'float32',
  quantization: 'int8',
  device: 'cpu',
  chat_template: true,
  tool_format: 'hermes',
  perplexity: { unquantized: 9.04, quantized: 9.18 },
};

describe('the card of the model', () => {
  it('has what is known', () => {
    const worker = { ...USER.worker, model: MODEL };
    expect(Object.fromEntries(modelFacts({ ...USER, worker }))).toEqual({
      Model: 'tiny',
      Architecture: 'Qwen',
      Parameters: '494M',
      Context: '32,768 tokens',
      Weights: 'float32, int8',
      Perplexity: '9.18; 9.04 with unrounded weights',
      'Runs on': 'cpu',
      Engine: 'fake',
      'At once': '2 answers',
      Tools: 'Called in the form “hermes”',
      Digest: 'sha256:0f',
    });
  });

  it('leaves out what another server does not tell', () => {
    const unknown = {
      digest: '',
      architecture: 'unknown',
      parameters: 0,
      context_length: 0,
      dtype: 'unknown',
      quantization: 'unknown',
      device: '',
      tool_format: null,
      perplexity: null,
    };
    const worker = { ...USER.worker, engine: null, slots: 1, model: { ...MODEL, ...unknown } };
    expect(modelFacts({ ...USER, worker })).toEqual([
      ['Model', 'tiny'],
      ['At once', '1 answer'],
      ['Tools', 'Cannot call any'],
    ]);
  });

  it('is empty while there is no model', () => {
    expect(modelFacts(ADMIN)).toEqual([]);
  });
});

describe('what needs a look', () => {
  it('is nothing when all is well', () => {
    expect(faults(ADMIN)).toEqual([]);
    expect(faults(USER)).toEqual([]);
  });

  it('is told an admin with its reason, and a user without', () => {
    const log = { ...WRITER, degraded: true, spooled: 3, last_error: 'ENOSPC' };
    expect(faults({ ...USER, log: { degraded: true } })).toEqual(['The disk does not take the log.']);
    expect(
      faults({
        ...ADMIN,
        log,
        audit: log,
        worker: { ...ADMIN.worker, fault: 'No weights.' },
        vault: { ...ADMIN.vault, state: 'away', fault: 'ECONNREFUSED' },
        limits: { ...ADMIN.limits, redis: { up: false, fallbacks: 2, last_error: null } },
        upstream: {
          url: 'http://other',
          is_down: true,
          last_success_at: null,
          last_failure: { at: '', code: 'x', message: 'It answered 500.' },
        },
      }),
    ).toEqual([
      'No weights.',
      'The disk does not take the log; 3 exchanges wait in memory: ENOSPC',
      'The disk does not take the audit log: ENOSPC',
      'The database is away: ECONNREFUSED',
      'http://other is away: It answered 500.',
      'Redis is away, each gateway counts alone.',
    ]);
  });
});

it('the last crash is for admins, and none is something else than not being told', () => {
  const exit = {
    at: '2026-01-02T03:04:05Z',
    code: 3,
    signal: null,
    reason: 'exited with code 3',
    stderr: ['bye'],
  };
  expect(lastCrash(USER)).toBeUndefined();
  expect(lastCrash(ADMIN)).toBeNull();
  expect(lastCrash({ ...ADMIN, worker: { ...ADMIN.worker, last_exit: exit } })).toMatchObject({
    how: 'Exited with code 3.',
    stderr: ['bye'],
  });
});

describe('limits', () => {
  const usage: UsageAnswer = {
    object: 'usage',
    caller: 'ann',
    day: '2026-01-02',
    day_ends_in_seconds: 90,
    tokens_today: 1_200,
    tokens_per_day: 5_000,
    running: 1,
    concurrency: 2,
    requests: {
      generation: { limit: 30, window_seconds: 60, remaining: 28, reset_seconds: 1 },
      embedding: null,
      other: null,
    },
  };

  it('are told with how much of them is used', () => {
    expect(limitsOf(usage)).toEqual([
      { name: 'Tokens today', used: 1_200, most: 5_000, text: '1,200 of 5,000; a new day in 1 min 30 s' },
      { name: 'At once', used: 1, most: 2, text: '1 of 2 answers' },
      { name: 'Answers', used: 2, most: 30, text: '2 of 30 requests in 1 min' },
    ]);
  });

  it('are left out where there are none', () => {
    const requests = { ...usage.requests, generation: null };
    expect(limitsOf({ ...usage, tokens_per_day: null, concurrency: null, requests })).toEqual([]);
  });
});
