import { expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { EventBatches } from './event-batches.js';

const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const batches = (onLeave: () => void = () => {}): EventBatches => new EventBatches(onLeave);

it('hands over in one batch all that arrived before the reader asked', async () => {
  const events = batches();
  for (const text of ['a', 'b', 'c']) events.push(token(text));
  expect(events.unreadLength).toBe(3);
  expect(await events.next()).toEqual({ done: false, value: ['a', 'b', 'c'].map(token) });
  expect(events.unreadLength).toBe(0);
});

it('wakes a waiting reader once for all that one turn brings', async () => {
  const events = batches();
  const read = events.next();
  for (const text of ['a', 'b', 'c']) events.push(token(text));
  expect(await read).toEqual({ done: false, value: ['a', 'b', 'c'].map(token) });
});

it('delivers what is unread before the error, and the error once', async () => {
  const events = batches();
  events.push(token('a'));
  events.fail(new AppError('worker_crashed', 'gone'));
  events.push(token('late'));
  expect((await events.next()).value).toEqual([token('a')]);
  await expect(events.next()).rejects.toThrow('gone');
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

it('ends a reader that waits', async () => {
  const events = batches();
  const read = events.next();
  events.end();
  expect(await read).toEqual({ done: true, value: undefined });
});

it('says that the reader left, only when it was before the end', async () => {
  let left = 0;
  const onLeave = (): void => {
    left += 1;
  };
  const open = batches(onLeave);
  open.push(token('a'));
  for await (const _batch of open) break;
  expect(left).toBe(1);
  const ended = batches(onLeave);
  ended.push(token('a'));
  ended.end();
  for await (const _batch of ended) break;
  expect(left).toBe(1);
  expect(await open.next()).toEqual({ done: true, value: undefined });
});
