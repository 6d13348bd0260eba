import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { begin, type FrameFold, foldFrames } from './fold-frames.js';
import type { Frame } from './frame-log.js';

const started: GenerationEvent = { type: 'started', promptTokens: 1, cachedTokens: 0 };
const token: GenerationEvent = { type: 'token', text: 'a', tokens: 1 };
const frame = (type: string): Frame => ({ type, number: 0, text: '' });

/** Tells what it was told; ends at an event that is named `queued`, which comes last here. */
function recordingFold(): FrameFold & { readonly failures: string[] } {
  let isEnded = false;
  const failures: string[] = [];
  return {
    failures,
    get isEnded() {
      return isEnded;
    },
    begin: () => [frame('begun')],
    push: ({ type }) => {
      isEnded = type === 'queued';
      return [frame(type)];
    },
    fail: ({ code }) => {
      if (isEnded) return [];
      isEnded = true;
      failures.push(code);
      return [frame('failed')];
    },
  };
}

async function typesOf(frames: AsyncIterable<readonly Frame[]>): Promise<string[]> {
  const types: string[] = [];
  for await (const batch of frames) types.push(...batch.map(({ type }) => type));
  return types;
}

describe('a generation as frames', () => {
  it('begins with the frames of the beginning and ends by itself', async () => {
    const fold = recordingFold();
    const events = (async function* () {
      yield [started, token];
      yield [{ type: 'queued', position: 0, estimatedWaitMs: null } as const];
    })();
    expect(await typesOf(foldFrames(events, fold))).toEqual(['begun', 'started', 'token', 'queued']);
    expect(fold.failures).toEqual([]);
  });

  it('throws what comes instead of a first event, and has told nothing', async () => {
    const next = () => Promise.reject(new AppError('queue_full', 'Full.'));
    const events = { [Symbol.asyncIterator]: () => ({ next }) };
    await expect(begin(foldFrames(events, recordingFold()))).rejects.toMatchObject({ code: 'queue_full' });
  });

  it('ends in the frames of a failure that comes later', async () => {
    const fold = recordingFold();
    const events = (async function* () {
      yield [token];
      throw new AppError('worker_crashed', 'It died.');
    })();
    expect(await typesOf(await begin(foldFrames(events, fold)))).toEqual(['begun', 'token', 'failed']);
    expect(fold.failures).toEqual(['worker_crashed']);
  });

  it('is cancelled, and so is its source, when the reader stops', async () => {
    const fold = recordingFold();
    let isClosed = false;
    const events = (async function* () {
      try {
        for (;;) yield [token];
      } finally {
        isClosed = true;
      }
    })();
    for await (const _ of await begin(foldFrames(events, fold))) break;
    expect([fold.failures, isClosed]).toEqual([['cancelled'], true]);
  });
});
