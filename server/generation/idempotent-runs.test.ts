import { describe, expect, it, vi } from 'vitest';
import type { IdempotencyKey } from '../domain/idempotency.js';
import { AppError } from '../errors.js';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { createDeferred } from './deferred.js';
import { IdempotentRuns, type IdempotentRunsOptions } from './idempotent-runs.js';
import type { Begun } from './shared-run.js';

useFakeClock();

const GRACE_MS = 60_000;
const KEY: IdempotencyKey = { owner: 'ada', route: '/generate', key: 'k', fingerprint: 'f' };

/** Runs played by hand, and readers of them. */
function play(options: Partial<IdempotentRunsOptions> = {}) {
  const runs = new IdempotentRuns({ graceMs: GRACE_MS, ...options });
  const begun: { say: (text: string) => void; end: (error?: AppError) => void; signal: AbortSignal }[] = [];
  const begin = (signal: AbortSignal, extra: object = {}): Begun<number, string> => {
    const said: string[] = [];
    let isOver = false;
    let failure: AppError | undefined;
    let news = createDeferred<void>();
    begun.push({
      signal,
      say: text => {
        said.push(text);
        news.resolve();
      },
      end: error => {
        isOver = true;
        failure = error;
        news.resolve();
      },
    });
    async function* events(): AsyncGenerator<readonly string[]> {
      for (;;) {
        news = createDeferred();
        const text = said.shift();
        if (text !== undefined) yield [text];
        else if (failure) throw failure;
        else if (isOver) return;
        else await news.promise;
      }
    }
    return { told: begun.length, events: events(), ...extra };
  };
  const join = async (key: IdempotencyKey | null = KEY, extra: object = {}) => {
    const leaving = new AbortController();
    const joined = await runs.join(key, leaving.signal, signal => begin(signal, extra));
    const reader = { text: '', end: '', leave: () => leaving.abort(), ...joined };
    void (async () => {
      try {
        for await (const batch of joined.events) reader.text += batch.join('');
        reader.end = 'whole';
      } catch (error) {
        reader.end = (error as AppError).code;
      }
    })();
    return reader;
  };
  /** The first of a key, once it has said something. */
  const first = async (key: IdempotencyKey = KEY, extra: object = {}) => {
    const joining = join(key, extra);
    begun.at(-1)?.say('a');
    return joining;
  };
  return { runs, begun, join, first };
}

describe('a request that is sent again with its key', () => {
  it('joins the run that goes on, from its first word, and gets what came of it for ten minutes', async () => {
    const { begun, join, first, runs } = play();
    const one = await first();
    begun[0]?.say('b');
    await soon();
    const two = await join();
    begun[0]?.say('c');
    begun[0]?.end();
    await soon();
    expect([one.text, two.text]).toEqual(['abc', 'abc']);
    expect([one.end, two.end]).toEqual(['whole', 'whole']);
    expect([one.isReplayed, two.isReplayed]).toEqual([false, true]);
    await pass(10 * 60_000 - 1_000);
    const late = await join();
    await soon();
    expect([late.text, late.end, late.told, late.isReplayed]).toEqual(['abc', 'whole', 1, true]);
    await pass(1_000);
    expect(runs.size).toBe(0);
    await first();
    expect(begun).toHaveLength(2);
  });

  it('is another run for another caller, route or key, and without a key', async () => {
    const { begun, first, join } = play();
    await first();
    await first({ ...KEY, owner: 'bob' });
    await first({ ...KEY, owner: null });
    await first({ ...KEY, route: '/stream' });
    await first({ ...KEY, key: 'other' });
    await join(null);
    await join(null);
    expect(begun).toHaveLength(7);
  });

  it('is refused when it asks for something else', async () => {
    const { begun, first, join } = play();
    await first();
    await expect(join({ ...KEY, fingerprint: 'other' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
      status: 409,
    });
    expect(begun).toHaveLength(1);
  });

  it('shares a refusal that comes before the first event, and runs anew after it', async () => {
    const { runs, begun, join, first } = play();
    const both = [join(), join()].map(joining => joining.catch((error: AppError) => error.code));
    begun[0]?.end(new AppError('queue_full', 'full'));
    expect(await Promise.all(both)).toEqual(['queue_full', 'queue_full']);
    expect(runs.size).toBe(0);
    expect((await first()).isReplayed).toBe(false);
  });

  it('gets the error that a run ended in, unless that may pass', async () => {
    const { runs, begun, join, first } = play();
    await first();
    begun[0]?.end(new AppError('worker_crashed', 'dead'));
    await soon();
    const two = await join();
    await soon();
    expect([two.text, two.end]).toEqual(['a', 'worker_crashed']);
    const passing = { ...KEY, key: 'passing' };
    await first(passing);
    begun[1]?.end(new AppError('queue_timeout', 'waited'));
    await soon();
    expect((await first(passing)).isReplayed).toBe(false);
    expect(runs.size).toBe(2);
  });

  it('runs anew after an error that may pass and was told as an event', async () => {
    const { begun, first } = play();
    await first(KEY, { failure: () => new AppError('queue_timeout', 'waited') });
    begun[0]?.end();
    await soon();
    expect((await first()).isReplayed).toBe(false);
  });
});

describe('a run whose clients have left', () => {
  it('goes on for the one who comes back in time', async () => {
    const { begun, join, first } = play();
    const one = await first();
    one.leave();
    await pass(GRACE_MS - 1);
    const two = await join();
    await pass(10 * GRACE_MS);
    begun[0]?.say('b');
    begun[0]?.end();
    await soon();
    expect([one.end, two.text, two.end]).toEqual(['cancelled', 'ab', 'whole']);
    expect(begun[0]?.signal.aborted).toBe(false);
  });

  it('is cancelled when nobody comes back, and is nothing to join', async () => {
    const { runs, begun, join, first } = play();
    const one = await first();
    const two = await join();
    one.leave();
    await pass(GRACE_MS);
    expect(begun[0]?.signal.aborted).toBe(false);
    two.leave();
    await pass(GRACE_MS - 1);
    expect(begun[0]?.signal.aborted).toBe(false);
    await pass(1);
    expect([begun[0]?.signal.aborted, runs.size]).toEqual([true, 0]);
    begun[0]?.end();
    await soon();
    expect((await first()).isReplayed).toBe(false);
  });

  it('is cancelled at once without a grace, or when the gateway stops', async () => {
    const hasty = play({ graceMs: 0 });
    (await hasty.first()).leave();
    expect(hasty.begun[0]?.signal.aborted).toBe(true);
    const stopping = play();
    const one = await stopping.first();
    stopping.runs.close();
    expect(stopping.begun[0]?.signal.aborted).toBe(false);
    one.leave();
    expect(stopping.begun[0]?.signal.aborted).toBe(true);
  });

  it('goes on for ever where it needs none', async () => {
    const { begun, join, first } = play();
    (await first(KEY, { isDetached: true })).leave();
    await pass(10 * GRACE_MS);
    expect(begun[0]?.signal.aborted).toBe(false);
    expect((await join()).isReplayed).toBe(true);
  });

  it('has no listener on their signals', async () => {
    const { runs, begun } = play();
    const leaving = new AbortController();
    const add = vi.spyOn(leaving.signal, 'addEventListener');
    const remove = vi.spyOn(leaving.signal, 'removeEventListener');
    const joining = runs.join(KEY, leaving.signal, () => ({
      told: 0,
      events: (async function* () {
        yield ['a'];
      })(),
    }));
    for await (const _ of (await joining).events);
    await soon();
    expect([add.mock.calls.length > 0, remove.mock.calls.length]).toEqual([true, add.mock.calls.length]);
    expect(begun).toEqual([]);
  });
});

describe('runs that have ended', () => {
  const ended = async ({ begun, first }: ReturnType<typeof play>, key: string, text = '') => {
    await first({ ...KEY, key });
    begun.at(-1)?.say(text);
    begun.at(-1)?.end();
    await soon();
  };

  it('are kept up to a number, and the oldest make room', async () => {
    const played = play({ maxEnded: 2 });
    for (const key of ['one', 'two', 'three']) await ended(played, key);
    expect(played.runs.size).toBe(2);
    expect((await played.join({ ...KEY, key: 'two' })).isReplayed).toBe(true);
    expect((await played.first({ ...KEY, key: 'one' })).isReplayed).toBe(false);
  });

  it('are kept up to a size', async () => {
    const played = play({ maxBytes: 1_000 });
    await ended(played, 'one', 'x'.repeat(600));
    await ended(played, 'two', 'x'.repeat(600));
    expect(played.runs.size).toBe(1);
    await ended(played, 'three', 'x'.repeat(2_000));
    expect(played.runs.size).toBe(0);
    await ended(played, 'four', 'x'.repeat(600));
    expect(played.runs.size).toBe(1);
  });
});
