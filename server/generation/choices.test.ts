import { describe, expect, it } from 'vitest';
import type { GenerationEvent, GenerationEvents, Usage } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { mergeChoices, type StartChoice } from './choices.js';
import { collectChoices } from './collect.js';
import { createDeferred } from './deferred.js';

const stay = () => new AbortController().signal;
const queued: GenerationEvent = { type: 'queued', position: 0, estimatedWaitMs: null };
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const done = (usage: Usage): GenerationEvent => ({
  type: 'done',
  reason: 'stop',
  stopSequence: null,
  usage,
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
});
const usage = (promptTokens: number, cachedTokens: number, completionTokens: number): Usage => ({
  promptTokens,
  cachedTokens,
  completionTokens,
});

interface Played {
  readonly start: StartChoice;
  isCancelled: boolean;
  isOver: boolean;
}

/** Waits between its batches for its own turn when one is given; ends when cancelled. */
function play(batches: readonly (readonly GenerationEvent[] | Error)[], turn?: Promise<void>): Played {
  const played: Played = { isCancelled: false, isOver: false, start: signal => run(signal) };
  async function* run(signal: AbortSignal): GenerationEvents {
    const gone = createDeferred<void>();
    signal.addEventListener('abort', () => {
      played.isCancelled = true;
      gone.resolve();
    });
    try {
      yield [queued];
      await Promise.race([turn, gone.promise]);
      for (const batch of batches) {
        if (batch instanceof Error) throw batch;
        yield batch;
      }
    } finally {
      played.isOver = true;
    }
  }
  return played;
}

async function read(events: ReturnType<typeof mergeChoices>) {
  const told = [];
  for await (const batch of events) told.push(...batch);
  return told;
}

describe('choices', () => {
  it('are told as they come and counted through all prompts; a prompt counts once', async () => {
    const first = play([[token('a'), token('b')], [done(usage(5, 0, 2))]]);
    const again = play([[token('c')], [done(usage(5, 4, 1))]]);
    const other = play([[token('d'), done(usage(7, 3, 1))]]);
    const told = await read(mergeChoices([[first.start, again.start], [other.start]], stay()));
    expect(told.slice(0, 3)).toEqual([0, 1, 2].map(index => ({ type: 'choice', index, event: queued })));
    expect(told.at(-1)).toEqual({ type: 'done', usage: usage(12, 3, 4) });
    expect(told.filter(event => event.type === 'done')).toHaveLength(1);
    const whole = await collectChoices(mergeChoices([[first.start, again.start], [other.start]], stay()));
    expect(whole.choices.map(({ text }) => text)).toEqual(['ab', 'c', 'd']);
    expect(whole.usage).toEqual(usage(12, 3, 4));
  });

  it('do not wait for one another once all are admitted', async () => {
    const turn = createDeferred<void>();
    const slow = play([[token('late'), done(usage(1, 0, 1))]], turn.promise);
    const quick = play([[token('soon'), done(usage(1, 0, 1))]]);
    const events = mergeChoices([[slow.start, quick.start]], stay());
    await events.next();
    expect((await events.next()).value).toMatchObject([{ index: 1, event: { text: 'soon' } }, { index: 1 }]);
    turn.resolve();
    expect((await events.next()).value).toMatchObject([{ index: 0 }, { index: 0 }, { type: 'done' }]);
    expect((await events.next()).done).toBe(true);
  });

  it('are refused before anything is told when one cannot be admitted', async () => {
    const fine = play([[done(usage(1, 0, 0))]], createDeferred<void>().promise);
    const full: StartChoice = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new AppError('queue_full', 'full')) }),
    });
    await expect(mergeChoices([[fine.start, full]], stay()).next()).rejects.toThrow('full');
    expect(fine).toMatchObject({ isCancelled: true, isOver: true });
  });

  it('all end with the first that fails', async () => {
    const fails = play([[token('a')], new AppError('worker_crashed', 'It died.')]);
    const waits = play([[token('b')]], createDeferred<void>().promise);
    await expect(read(mergeChoices([[fails.start], [waits.start]], stay()))).rejects.toThrow('It died.');
    expect(waits).toMatchObject({ isCancelled: true, isOver: true });
  });

  it('tell what came before the failure of another', async () => {
    const fails = play([new AppError('worker_crashed', 'It died.')]);
    const told = play([[token('said')], []], undefined);
    const events = mergeChoices([[told.start, fails.start]], stay());
    await events.next();
    expect((await events.next()).value).toMatchObject([{ index: 0, event: { text: 'said' } }]);
    await expect(events.next()).rejects.toThrow('It died.');
  });

  it('never pass a stream that was cut for an answer', async () => {
    await expect(read(mergeChoices([[play([[token('a')]]).start]], stay()))).rejects.toMatchObject({
      code: 'incomplete_generation',
    });
  });

  it('are all cancelled when the reader leaves, or its signal fires', async () => {
    const runs = [0, 1, 2].map(() => play([[done(usage(1, 0, 0))]], createDeferred<void>().promise));
    const events = mergeChoices([runs.map(({ start }) => start)], stay());
    await events.next();
    await events.return(undefined);
    expect(runs).toMatchObject(Array(3).fill({ isCancelled: true, isOver: true }));

    const leaver = new AbortController();
    const more = [0, 1].map(() => play([[done(usage(1, 0, 0))]], createDeferred<void>().promise));
    const told = read(mergeChoices([more.map(({ start }) => start)], leaver.signal));
    leaver.abort();
    await told;
    expect(more).toMatchObject(Array(2).fill({ isCancelled: true, isOver: true }));
  });
});
