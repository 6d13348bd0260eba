import { describe, expect, it } from 'vitest';
import type { Queue } from '../api/queue.js';
import { describeGateway } from './gateway-words.js';

const LOADING = { stage: 'weights', done: 3, total: 10 };

function told(state: string, more: Partial<Queue> = {}, loading: typeof LOADING | null = null): Queue {
  return {
    waiting: 0,
    running: 0,
    slots: 1,
    tokens_per_second: null,
    items: [],
    ...more,
    model: { id: 'tiny', state, loading },
  };
}

describe('the gateway', () => {
  it('is away when it does not answer, and says why when it refuses', () => {
    expect(describeGateway(told('ready'), { code: 'unreachable', message: 'x' })).toMatchObject({
      kind: 'bad',
      text: 'The gateway is away',
    });
    expect(
      describeGateway(told('ready'), {
        code: 'too_many_streams',
        message: '64 streams of the line are open.',
      }),
    ).toMatchObject({ kind: 'bad', text: '64 streams of the line are open.' });
  });

  it('is being connected to before it has told anything', () => {
    expect(describeGateway(null, null)).toMatchObject({ kind: 'busy', text: 'Connecting…' });
  });
});

describe('every state of the worker', () => {
  it.each([
    ['starting', 'busy', 'The model starts…', 'Loading the model: weights'],
    ['restarting', 'busy', 'The model restarts…', 'Loading the model again: weights'],
    ['failed', 'bad', 'The model cannot be served', 'Trying to load the model again: weights'],
    ['unloaded', 'idle', 'Model unloaded; a prompt loads it', 'Loading the model: weights'],
    ['stopped', 'bad', 'The gateway is stopping', 'Loading the model: weights'],
  ])('%s has its own words, and a bar while it loads', (state, kind, text, whileLoading) => {
    expect(describeGateway(told(state), null)).toEqual({ kind, text, spoken: text, progress: null });
    expect(describeGateway(told(state, {}, LOADING), null)).toMatchObject({
      kind: 'busy',
      text: whileLoading,
      spoken: whileLoading.replace(': weights', ''),
      progress: { done: 3, total: 10 },
    });
  });

  it('ready is the name of the model, or who runs and waits, and is spoken without their number', () => {
    const spoken = 'The model is ready';
    expect(describeGateway(told('ready'), null)).toMatchObject({ kind: 'good', text: 'tiny', spoken });
    expect(describeGateway(told('ready', { running: 2 }), null)).toMatchObject({ text: '2 running', spoken });
    expect(describeGateway(told('ready', { running: 1, waiting: 3 }), null)).toMatchObject({
      text: '1 running, 3 waiting',
      spoken,
    });
  });

  it('restarting for its memory says that what runs comes first', () => {
    expect(describeGateway(told('restarting', { running: 1 }), null).text).toBe(
      'The model restarts after what runs',
    );
  });
});
