import { describe, expect, it } from 'vitest';
import type { Stream } from './http-load.mjs';
import { makePrompts, toLoad } from './load.mjs';

const stream = (times: number[], tokens = times.length, isCut = false): Stream => ({
  times,
  text: '',
  tokens,
  isCut,
});

describe('a load', () => {
  it('counts the tokens of all streams until the last of them came', () => {
    const load = toLoad([stream([100, 200, 300]), stream([100, 250, 500])], { tokens: 3 });
    expect(load.tokensPerSecond).toBe(12);
    expect(load.firstMs).toEqual([100, 100]);
    expect(load.gapsMs).toEqual([100, 100, 150, 250]);
    expect(load).toMatchObject({ clients: 2, short: 0, isCut: false });
  });

  it('believes the tokens counted, not the pieces that came', () => {
    expect(toLoad([stream([500, 1_000], 8)], { tokens: 8 }).tokensPerSecond).toBe(8);
  });

  it('names answers that ended early, but not those that were cut', () => {
    expect(toLoad([stream([10], 1), stream([10], 1, true)], { tokens: 2 })).toMatchObject({
      short: 1,
      isCut: true,
    });
  });

  it('knows a stream of which nothing came', () => {
    const load = toLoad([stream([], 0, true)], { tokens: 2 });
    expect(load.tokensPerSecond).toBe(0);
    expect(load.firstMs).toEqual([Number.POSITIVE_INFINITY]);
  });

  it('asks nothing twice within a run', () => {
    const prompts = [...makePrompts(32), ...makePrompts(32)];
    expect(new Set(prompts).size).toBe(64);
    expect(new Set(prompts.map(prompt => prompt.length)).size).toBe(1);
  });
});
