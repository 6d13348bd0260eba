// Several generations as one stream: the answers to one request with `n`, or with several prompts. Knows no dialect.
import { setMaxListeners } from 'node:events';
import type { ChoiceEvent, GenerationEvent, GenerationEvents, Usage } from '../domain/generation.js';
import { AppError, toAppError } from '../errors.js';
import { createDeferred } from './deferred.js';

/** Begins one generation when it is first read. */
export type StartChoice = (signal: AbortSignal) => GenerationEvents;

type Arrival = { readonly index: number; readonly batch: readonly GenerationEvent[] };

/**
 * Merges them as they come; choice `index` counts through all prompts. Nothing is yielded before each has been admitted,
 * so that a refusal of any is thrown by the first `next()`. One that fails ends all: the others are cancelled.
 * @param prompts for each prompt its choices
 */
export async function* mergeChoices(
  prompts: readonly (readonly StartChoice[])[],
  signal: AbortSignal,
): AsyncGenerator<readonly ChoiceEvent[]> {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  const onAbort = (): void => leaving.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });

  const iterators = prompts.flat().map(start => start(leaving.signal)[Symbol.asyncIterator]());
  const usages: (Usage | undefined)[] = iterators.map(() => undefined);
  let arrived: Arrival[] = [];
  let failure: AppError | null = null;
  let news = createDeferred<void>();
  const ask = (index: number): void => {
    iterators[index]
      ?.next()
      .then(
        ({ value, done }) => {
          if (done === true) failure ??= incomplete();
          else arrived.push({ index, batch: value });
        },
        error => {
          failure ??= toAppError(error);
        },
      )
      .finally(() => news.resolve());
  };
  /** Resolves when so many have something new. @throws AppError of the first that failed, behind all that came before it */
  const arrivals = async (count: number): Promise<Arrival[]> => {
    while (failure === null && arrived.length < count) {
      await news.promise;
      news = createDeferred();
    }
    if (failure && arrived.length < count) throw failure;
    const taken = arrived;
    arrived = [];
    return taken;
  };

  try {
    for (const index of iterators.keys()) ask(index);
    let taken = await arrivals(iterators.length);
    for (;;) {
      const told: ChoiceEvent[] = [];
      for (const { index, batch } of taken) {
        for (const event of batch) {
          if (event.type === 'done') usages[index] = event.usage;
          told.push({ type: 'choice', index, event });
        }
      }
      const ended = usages.filter(usage => usage !== undefined);
      const isOver = ended.length === iterators.length;
      if (isOver) told.push({ type: 'done', usage: sumUsage(prompts, ended) });
      yield told;
      if (isOver) return;
      for (const { index } of taken) if (usages[index] === undefined) ask(index);
      taken = await arrivals(1);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    leaving.abort();
    await Promise.allSettled(iterators.map(iterator => iterator.return?.()));
  }
}

function incomplete(): AppError {
  return new AppError('incomplete_generation', 'The generation ended without its end.');
}

/** A prompt is counted once, however many answers it got; cached is what all of its answers could reuse. */
function sumUsage(prompts: readonly (readonly unknown[])[], usages: readonly Usage[]): Usage {
  const sum = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  let next = 0;
  for (const choices of prompts) {
    const own = usages.slice(next, next + choices.length);
    next += choices.length;
    sum.promptTokens += Math.max(...own.map(({ promptTokens }) => promptTokens));
    sum.cachedTokens += Math.min(...own.map(({ cachedTokens }) => cachedTokens));
    for (const { completionTokens } of own) sum.completionTokens += completionTokens;
  }
  return sum;
}
