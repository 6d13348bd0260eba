import { afterEach, describe, expect, it } from 'vitest';
import type { Embedder } from '../domain/embedding.js';
import { AppError } from '../errors.js';
import type { ExchangeVectors } from '../store/exchange-vectors.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { until } from '../testing/until.js';
import { ExchangeBacklog } from './exchange-backlog.js';

const nextMillisecond = () => new Promise(resolve => setTimeout(resolve, 1));
const EMBEDDER = { id: 'one', dimensions: 1 };

/** Exchanges that are numbers, without a database. */
class ScriptedVectors implements ExchangeVectors {
  readonly stored: number[] = [];
  others = 0;
  last: number;

  constructor(last: number) {
    this.last = last;
  }

  async prepare() {
    if (this.others === 0) return false;
    this.others -= 1;
    return true;
  }
  async end() {
    return this.last + 1;
  }
  async findUnembedded({ low, high }: { low: number; high: number }, limit: number) {
    const numbers = Array.from({ length: high - low }, (_, index) => high - 1 - index);
    return numbers
      .filter(number => number > 0 && !this.stored.includes(number))
      .slice(0, limit)
      .map(number => ({
        id: String(number),
        prompt: `${number}${'p'.repeat(5_000)}`,
        response: 'r'.repeat(5_000),
      }));
  }
  async store(_: unknown, vectors: ReadonlyMap<string, Float32Array>) {
    this.stored.push(...[...vectors.keys()].map(Number));
  }
  async count() {
    return { done: this.stored.length, total: this.last };
  }
  async findNearest() {
    return [];
  }
}

interface Scene {
  idle: boolean;
  free: boolean;
  fault: AppError | null;
  readonly texts: string[];
  readonly vectors: ScriptedVectors;
  readonly backlog: ExchangeBacklog;
  readonly warnings: () => number;
}

const open: ExchangeBacklog[] = [];
afterEach(() => Promise.all(open.splice(0).map(backlog => backlog.close())));

function start(last: number, { idle = true, free = true, quietMs = 0 } = {}): Scene {
  const vectors = new ScriptedVectors(last);
  const { logger, entries } = recordingLogger();
  const state = { idle, free, fault: null as AppError | null, texts: [] as string[] };
  const embedder: Embedder = {
    describe: async () => ({ ...EMBEDDER, contextLength: 256, tokenizer: { kind: 'words' } }),
    embed: async texts => {
      await nextMillisecond();
      if (state.fault !== null) throw state.fault;
      state.texts.push(...texts);
      return texts.map(() => ({ vector: Float32Array.of(1), tokens: 1, isTruncated: false }));
    },
  };
  const backlog = new ExchangeBacklog({
    vectors,
    embedder,
    hasVectors: () => true,
    isIdle: () => state.idle,
    isFree: () => state.free,
    logger,
    quietMs,
  });
  open.push(backlog);
  return Object.assign(state, {
    vectors,
    backlog,
    warnings: () => entries.filter(({ level }) => level === 'warn').length,
  });
}

describe('the backlog of exchanges without vectors', () => {
  it('is embedded newest first, over many stretches, each once', async () => {
    const scene = start(1_500);
    await until(() => scene.vectors.stored.length === 1_500);
    expect(scene.vectors.stored).toEqual(Array.from({ length: 1_500 }, (_, index) => 1_500 - index));
  });

  it('takes what is new before what is old', async () => {
    const scene = start(200);
    await until(() => scene.vectors.stored.length >= 8);
    scene.vectors.last = 204;
    await until(() => scene.vectors.stored.length === 204);
    expect(scene.vectors.stored.indexOf(204)).toBeLessThan(scene.vectors.stored.indexOf(1));
  });

  it('gives the embedder prompt and beginning of the answer, no more than it reads', async () => {
    const scene = start(1);
    await until(() => scene.texts.length === 1);
    expect(scene.texts[0]).toBe(`1${'p'.repeat(699)}\n${'r'.repeat(799)}`);
  });

  it('rests while a prompt runs and a while after, and goes on where it was', async () => {
    const scene = start(1_000);
    await until(() => scene.vectors.stored.length > 8);
    scene.idle = false;
    await new Promise(resolve => setTimeout(resolve, 50));
    const reached = scene.vectors.stored.length;
    expect(reached).toBeLessThan(1_000);
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(scene.vectors.stored.length).toBe(reached);
    scene.idle = true;
    await until(() => scene.vectors.stored.length === 1_000);
    expect(new Set(scene.vectors.stored).size).toBe(1_000);
  });

  it('does not begin before it has been quiet for as long as it was told, nor while the embedder is asked', async () => {
    const waiting = start(4, { quietMs: 60_000 });
    const busy = start(4, { free: false });
    await new Promise(resolve => setTimeout(resolve, 600));
    expect([waiting.vectors.stored.length, busy.vectors.stored.length]).toEqual([0, 0]);
  });

  it('throws the vectors of another embedder away first', async () => {
    const scene = start(4);
    scene.vectors.others = 5;
    await until(() => scene.vectors.stored.length === 4);
    expect(scene.vectors.others).toBeLessThanOrEqual(5);
  });

  it('waits without a word when the database or the embedder goes, and ends when it is closed', async () => {
    const scene = start(8);
    scene.fault = new AppError('worker_crashed', 'gone');
    await new Promise(resolve => setTimeout(resolve, 400));
    expect([scene.vectors.stored.length, scene.warnings()]).toEqual([0, 0]);
    await scene.backlog.close();
    scene.fault = null;
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(scene.vectors.stored).toEqual([]);
  });
});
