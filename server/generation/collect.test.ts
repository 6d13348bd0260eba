import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { sampleReport } from '../testing/sample-grounding.js';
import { DONE } from '../testing/scripted-generate.js';
import { collect } from './collect.js';

const done = {
  ...DONE,
  usage: { promptTokens: 3, cachedTokens: 0, completionTokens: 2 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
};
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });

async function* events(...batches: (GenerationEvent[] | Error)[]) {
  for (const batch of batches) {
    if (batch instanceof Error) throw batch;
    yield batch;
  }
}

describe('collect', () => {
  it('gives the same whole however the events were batched', async () => {
    const logprob = { token: 'b', logprob: -0.5, top: [] };
    const all: GenerationEvent[] = [
      { type: 'queued', position: 0, estimatedWaitMs: null },
      { type: 'grounded', report: sampleReport() },
      { type: 'started', promptTokens: 3, cachedTokens: 0 },
      token('a'),
      { ...token('b'), logprobs: [logprob] } as GenerationEvent,
      { type: 'tool_call', index: 0, call: { id: 'call_1', name: 'look', arguments: '{}' } },
      { ...done, context: [1, 2] },
    ];
    const whole = {
      text: 'ab',
      toolCalls: [{ id: 'call_1', name: 'look', arguments: '{}' }],
      logprobs: [logprob],
      reason: 'stop',
      stopSequence: null,
      usage: { promptTokens: 3, cachedTokens: 0, completionTokens: 2 },
      timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
      numerics: 'int8',
      context: [1, 2],
      grounding: sampleReport(),
    };
    expect(await collect(events(all))).toEqual(whole);
    for (let cut = 1; cut < all.length; cut++) {
      expect(await collect(events(all.slice(0, cut), all.slice(cut)))).toEqual(whole);
    }
  });

  it('never takes a stream that was cut for an answer', async () => {
    await expect(collect(events([token('a')]))).rejects.toMatchObject({ code: 'incomplete_generation' });
    const fault = new AppError('worker_crashed', 'It died.');
    await expect(collect(events([token('a')], fault))).rejects.toBe(fault);
  });

  it('leaves the stream when it has its end', async () => {
    let isLeft = false;
    async function* source() {
      try {
        yield [done];
        yield [token('late')];
      } finally {
        isLeft = true;
      }
    }
    expect((await collect(source())).text).toBe('');
    expect(isLeft).toBe(true);
  });
});
