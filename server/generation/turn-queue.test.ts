import PQueue from 'p-queue';
import { describe, expect, it } from 'vitest';
import { idOf, type TurnOptions, turnQueueOf } from './turn-queue.js';
import { Turns } from './turns.js';

type TurnQueue = InstanceType<ReturnType<typeof turnQueueOf>>;

function create() {
  const turns = new Turns();
  const queue = new PQueue<TurnQueue, TurnOptions>({
    concurrency: 1,
    autoStart: false,
    queueClass: turnQueueOf(turns),
  });
  const order: string[] = [];
  const add = (name: string, signal?: AbortSignal) => {
    const place = turns.join(name.charAt(0), performance.now());
    const task = async (): Promise<void> => void order.push(name);
    return queue.add(task, { id: idOf(place), place, ...(signal ? { signal } : {}) }).catch(() => {});
  };
  return { turns, queue, order, add };
}

describe('the turns, as the queue of p-queue', () => {
  it('decide whose task is next', async () => {
    const { queue, order, add } = create();
    const tasks = ['a1', 'a2', 'a3', 'b1', 'b2'].map(name => add(name));
    queue.start();
    await Promise.all(tasks);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  it('lose the task whose signal is aborted while it waits', async () => {
    const { turns, queue, order, add } = create();
    const leaving = new AbortController();
    const tasks = [add('a'), add('b', leaving.signal), add('c')];
    leaving.abort();
    expect([queue.size, turns.size]).toEqual([2, 2]);
    queue.start();
    await Promise.all(tasks);
    expect(order).toEqual(['a', 'c']);
  });

  it('are empty when p-queue is cleared, but for those that were not in it yet', async () => {
    const { turns, queue, order, add } = create();
    for (const name of ['a', 'b']) void add(name);
    turns.join('c', performance.now());
    queue.clear();
    expect([queue.size, turns.size, turns.startable]).toEqual([0, 1, 0]);
    const task = add('d');
    queue.start();
    await task;
    expect(order).toEqual(['d']);
  });

  it('count the tasks of one caller', () => {
    const { turns, queue, add } = create();
    for (const name of ['a1', 'a2', 'b1']) void add(name);
    const [place] = turns.order(performance.now());
    expect(place && queue.sizeBy({ place })).toBe(2);
  });
});
