import { describe, expect, it } from 'vitest';
import type { Queue, QueueItem } from '../api/queue.js';
import { spellSpeed, toRows } from './line.js';

const OWN: QueueItem = {
  id: 'a',
  position: 2,
  phase: 'waiting',
  dialect: 'ollama',
  caller: 'ann',
  waited_ms: 4_400,
  estimated_wait_ms: 9_000,
  tokens: 0,
};

function rowOf(item: Queue['items'][number], passedMs = 0) {
  const model = { id: null, state: 'ready', loading: null };
  const [row] = toRows(
    { waiting: 0, running: 0, slots: 1, tokens_per_second: null, model, items: [item] },
    passedMs,
  );
  return row;
}

describe('what waits', () => {
  it('has its place and its times, which go on between two words of the gateway', () => {
    expect(rowOf(OWN)).toMatchObject({
      place: '2',
      phase: 'Waiting',
      waited: '4 s',
      expected: 'About 9 s',
      tokens: '',
    });
    expect(rowOf(OWN, 2_700)).toMatchObject({ waited: '7 s', expected: 'About 6 s' });
    expect(rowOf({ ...OWN, waited_ms: 61_000 }, 60_000)).toMatchObject({ waited: '2 min 1 s' });
  });

  it('is never said to come before now, nor at a time that nobody knows', () => {
    expect(rowOf(OWN, 20_000)?.expected).toBe('Any moment');
    expect(rowOf({ ...OWN, estimated_wait_ms: null }, 20_000)?.expected).toBe('Not known yet');
  });
});

describe('what runs', () => {
  const running: QueueItem = { ...OWN, position: 0, phase: 'decode', estimated_wait_ms: 0, tokens: 1_234 };

  it('has waited once and for all, and has tokens', () => {
    expect(rowOf(running, 60_000)).toMatchObject({
      place: 'Now',
      phase: 'Writing',
      waited: '4 s',
      expected: '',
      tokens: '1,234',
    });
    expect(rowOf({ ...running, phase: 'prefill', tokens: 0, waited_ms: 3 })).toMatchObject({
      phase: 'Reading the prompt',
      waited: 'Under 1 s',
      tokens: '0',
    });
  });
});

it("another caller's is a place and nothing else", () => {
  expect(rowOf({ position: 1, phase: 'waiting' }, 5_000)).toEqual({
    id: null,
    place: '1',
    phase: 'Waiting',
    isRunning: false,
    caller: 'Somebody else',
    dialect: '',
    waited: '',
    expected: '',
    tokens: '',
  });
});

it('who asks without a key is at this machine', () => {
  expect(rowOf({ ...OWN, caller: null })?.caller).toBe('This machine');
});

it('the speed is told while something runs, and not longer than it holds', () => {
  expect(spellSpeed({ running: 1, tokens_per_second: 12.34 }, 0)).toBe('12');
  expect(spellSpeed({ running: 1, tokens_per_second: 7.25 }, 9_000)).toBe('7.3');
  expect(spellSpeed({ running: 1, tokens_per_second: 12 }, 10_001)).toBeNull();
  expect(spellSpeed({ running: 0, tokens_per_second: 12 }, 0)).toBeNull();
  expect(spellSpeed({ running: 1, tokens_per_second: null }, 0)).toBeNull();
});
