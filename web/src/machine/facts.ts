// What /health and /v1/usage tell, as lines that a person reads. Knows no element.
import type { AdminHealth, Health } from '../../../server/dialects/health.js';
import type { UsageAnswer } from '../../../server/dialects/usage.js';
import { spellBytes, spellMs, spellNumber, spellTime } from '../ui/figures.js';

export type Fact = readonly [name: string, value: string];

const hasAll = (health: Health): health is AdminHealth => 'limits' in health;

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** Empty while there is no model. What another server does not tell about its own is left out. */
export function modelFacts({ worker }: Health): Fact[] {
  const { model, embedder, engine, slots } = worker;
  if (model === null) return [];
  const { perplexity } = model;
  const facts: (Fact | null)[] = [
    ['Model', model.id],
    told('Architecture', model.architecture),
    model.parameters > 0 ? ['Parameters', compact.format(model.parameters)] : null,
    model.context_length > 0 ? ['Context', `${spellNumber(model.context_length)} tokens`] : null,
    told('Weights', [model.dtype, model.quantization].filter(isTold).join(', ')),
    perplexity && [
      'Perplexity',
      `${perplexity.quantized.toFixed(2)}; ${perplexity.unquantized.toFixed(2)} with unrounded weights`,
    ],
    told('Runs on', model.device),
    engine === null ? null : ['Engine', engine],
    ['At once', `${spellNumber(slots)} ${slots === 1 ? 'answer' : 'answers'}`],
    ['Tools', model.tool_format === null ? 'Cannot call any' : `Called in the form “${model.tool_format}”`],
    told('Digest', model.digest),
    embedder && [
      'Vectors by',
      [
        embedder.id,
        `${spellNumber(embedder.dimensions)} dimensions`,
        ...(embedder.size_bytes > 0 ? [spellBytes(embedder.size_bytes)] : []),
      ].join(', '),
    ],
  ];
  return facts.filter(fact => fact !== null);
}

const isTold = (value: string): boolean => value !== '' && value !== 'unknown' && value !== 'none';
const told = (name: string, value: string): Fact | null => (isTold(value) ? [name, value] : null);

/** What needs a look, one sentence each; an admin is told why. */
export function faults(health: Health): string[] {
  if (!hasAll(health)) return health.log.degraded ? ['The disk does not take the log.'] : [];
  const { worker, log, audit, vault, upstream, limits } = health;
  const because = (why: string | null): string => (why === null ? '.' : `: ${why}`);
  const all: (string | null)[] = [
    worker.fault,
    log.degraded
      ? `The disk does not take the log; ${spellNumber(log.spooled)} exchanges wait in memory${because(log.last_error)}`
      : null,
    audit.degraded ? `The disk does not take the audit log${because(audit.last_error)}` : null,
    vault.fault === null ? null : `The database is ${vault.state}: ${vault.fault}`,
    upstream?.is_down ? `${upstream.url} is away${because(upstream.last_failure?.message ?? null)}` : null,
    limits.redis !== null && !limits.redis.up
      ? `Redis is away, each gateway counts alone${because(limits.redis.last_error)}`
      : null,
  ];
  return all.filter(fault => fault !== null);
}

export interface Crash {
  readonly at: string;
  readonly how: string;
  readonly stderr: readonly string[];
}

/** Undefined for a key that may not know, null when there was none. */
export function lastCrash(health: Health): Crash | null | undefined {
  if (!hasAll(health)) return undefined;
  const exit = health.worker.last_exit;
  if (exit === null) return null;
  const { at, reason, stderr } = exit;
  return { at: spellTime(at), how: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`, stderr };
}

export interface Limit {
  readonly name: string;
  readonly used: number;
  readonly most: number;
  readonly text: string;
}

const CLASSES = { generation: 'Answers', embedding: 'Vectors', other: 'Everything else' } as const;

/** Only those that there are. */
export function limitsOf(usage: UsageAnswer): Limit[] {
  const { tokens_per_day: budget, tokens_today: today, day_ends_in_seconds: left, concurrency } = usage;
  const windows = Object.entries(CLASSES).map(([name, title]): Limit | null => {
    const window = usage.requests[name as keyof typeof CLASSES];
    if (window === null) return null;
    const { limit, remaining, window_seconds: seconds } = window;
    const used = Math.max(0, limit - remaining);
    const text = `${spellNumber(used)} of ${spellNumber(limit)} requests in ${spellMs(seconds * 1_000)}`;
    return { name: title, used, most: limit, text };
  });
  const all: (Limit | null)[] = [
    budget === null
      ? null
      : {
          name: 'Tokens today',
          used: today,
          most: budget,
          text: `${spellNumber(today)} of ${spellNumber(budget)}; a new day in ${spellMs(left * 1_000)}`,
        },
    concurrency === null
      ? null
      : {
          name: 'At once',
          used: usage.running,
          most: concurrency,
          text: `${spellNumber(usage.running)} of ${spellNumber(concurrency)} answers`,
        },
    ...windows,
  ];
  return all.filter(limit => limit !== null);
}
