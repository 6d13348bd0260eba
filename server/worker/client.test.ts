import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { toAppError } from '../errors.js';
import { pass, passUntil, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { passAlive, READY } from '../testing/scripted-process.js';
import { generateAll, scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();

describe('when the worker dies', () => {
  it('what had not begun is sent again to the next one, unseen by its client', async () => {
    const { worker, processes, current } = scriptedWorker();
    const { ids, runs } = await generateAll(worker, current, 1);
    const [id = ''] = ids;
    current().say({ type: 'started', id, prompt_tokens: 1, cached_tokens: 0 });
    current().end({ code: 139 });
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    current().answer(id, ['whole']);
    const [run] = runs;
    const { events, error } = await readRun(run ?? expect.fail());
    expect(error).toBeNull();
    expect(events.map(event => event.type)).toEqual(['started', 'token', 'done']);
    expect(worker.status()).toMatchObject({ restarts: 1, running: 0, lastExit: { code: 139 } });
  });

  it.each([
    ['worker_crashed', { code: 139 }, /exited with code 139/],
    ['worker_crashed', { signal: 'SIGSEGV' }, /ended by SIGSEGV/],
    ['worker_killed', { signal: 'SIGKILL' }, /memory/],
  ])('a second time under the same run, that run fails with %s', async (code, exit, message) => {
    const { worker, processes, current } = scriptedWorker();
    const { runs } = await generateAll(worker, current, 1);
    current().end(exit);
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    current().end(exit);
    const outcome = await runs[0]?.settled;
    expect(outcome).toMatchObject({ status: 'failed', text: '', error: { code } });
    expect(outcome?.error?.message).toMatch(message);
  });

  it('what had begun fails at once with its text, and is never sent again', async () => {
    const { worker, processes, current } = scriptedWorker();
    const { ids, runs } = await generateAll(worker, current, 1);
    current().begin(ids[0] ?? '', 'half');
    current().end({ signal: 'SIGKILL' });
    const { text, error } = await readRun(runs[0] ?? expect.fail());
    expect(text).toBe('half');
    expect(error?.code).toBe('worker_killed');
    expect(await runs[0]?.settled).toMatchObject({
      status: 'failed',
      text: 'half',
      usage: { completionTokens: 1 },
    });
    await passUntil(() => processes.length === 2 && worker.status().state === 'ready');
    const next = worker.generate(sampleRequest(), never);
    await passUntil(() => current().generated().length > 0);
    current().answer(current().generated()[0] ?? '', ['unharmed']);
    expect((await readRun(next)).text).toBe('unharmed');
    expect(current().generated()).not.toContain(ids[0]);
  });

  it('what it had heard last still counts', async () => {
    const { worker, current } = scriptedWorker();
    const { ids, runs } = await generateAll(worker, current, 1);
    current().answer(ids[0] ?? '', ['all']);
    current().end({ code: 1 });
    expect(await runs[0]?.settled).toMatchObject({ status: 'completed', text: 'all' });
  });

  it('a cancelled run settles as cancelled and is not sent again', async () => {
    const { worker, processes, current } = scriptedWorker();
    const controller = new AbortController();
    const run = worker.generate(sampleRequest(), controller.signal);
    await passUntil(() => current().generated().length === 1);
    controller.abort();
    current().end({ code: 1 });
    expect(await run.settled).toMatchObject({ status: 'cancelled', error: null });
    await passUntil(() => processes.length === 2 && worker.status().state === 'ready');
    const { ids } = await generateAll(worker, current, 1);
    expect(current().generated()).toEqual(ids);
  });

  it('in the very moment of sending, the run counts as not sent, time and again, and keeps its place', async () => {
    const deaths = 3;
    const { worker, processes, current } = scriptedWorker((child, nth) => {
      child.say({ ...READY, slots: 1 } as WorkerMessage);
      if (nth <= deaths) child.stdin.destroy();
    });
    const requests = [sampleRequest(), sampleRequest()];
    const runs = requests.map(request => worker.generate(request, never));
    for (let nth = 1; nth <= deaths; nth++) {
      await pass(4_000);
      expect(processes).toHaveLength(nth);
      current().end({ code: 1 });
    }
    await pass(4_000);
    for (const { id } of requests) {
      expect(current().generated().at(-1)).toBe(id);
      current().answer(id, ['whole']);
      await soon();
    }
    expect((await Promise.all(runs.map(run => readRun(run)))).map(({ text }) => text)).toEqual([
      'whole',
      'whole',
    ]);
  });
});

it('never sends a worker more than it has slots for', async () => {
  const { worker, current } = scriptedWorker(child => child.say({ ...READY, slots: 2 } as WorkerMessage));
  const requests = Array.from({ length: 5 }, () => sampleRequest());
  const runs = requests.map(request => worker.generate(request, never));
  await passUntil(() => current().generated().length === 2);
  for (const [i, { id }] of requests.entries()) {
    expect(worker.status().running).toBe(Math.min(2, 5 - i));
    expect(current().generated()).toHaveLength(Math.min(5, i + 2));
    current().answer(id, ['fine']);
    await runs[i]?.settled;
    await passUntil(() => current().generated().length === Math.min(5, i + 3));
  }
  expect(current().generated()).toEqual(requests.map(({ id }) => id));
});

describe('tokenize', () => {
  it('resolves with the count, or rejects with what the worker says', async () => {
    const { worker, current } = scriptedWorker();
    await passUntil(() => worker.status().state === 'ready');
    const child = current();
    child.onReceive = message => {
      if (message.type !== 'tokenize') return;
      if (message.prompt === '') child.say({ type: 'error', id: message.id, code: 'odd', message: 'empty' });
      else child.say({ type: 'tokenized', id: message.id, tokens: 12 });
    };
    const { signal } = new AbortController();
    const timers = vi.getTimerCount();
    expect(await worker.tokenize({ messages: [{ role: 'user', content: 'Hi' }] }, signal)).toBe(12);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(timers);
    await expect(worker.tokenize({ prompt: '' }, never)).rejects.toMatchObject({ code: 'worker_error' });
  });

  it('rejects with model_loading when no worker is ready, or it dies meanwhile', async () => {
    const loading = scriptedWorker(() => {});
    await expect(loading.worker.tokenize({ prompt: 'a' }, never)).rejects.toMatchObject({
      code: 'model_loading',
    });
    const { worker, current } = scriptedWorker();
    await passUntil(() => worker.status().state === 'ready');
    const answer = worker.tokenize({ prompt: 'a' }, never);
    current().end({ code: 1 });
    await expect(answer).rejects.toMatchObject({ code: 'model_loading', status: 503 });
  });

  it('rejects when the worker does not answer', async () => {
    const { worker, current } = scriptedWorker();
    await passUntil(() => worker.status().state === 'ready');
    const answer = worker.tokenize({ prompt: 'a' }, never).catch(toAppError);
    await passAlive(current(), 31_000);
    expect(await answer).toMatchObject({ code: 'generation_timeout' });
    expect(worker.status().restarts).toBe(0);
  });

  it('rejects when its client leaves, and the late answer is no fault', async () => {
    const { worker, current } = scriptedWorker();
    await passUntil(() => worker.status().state === 'ready');
    const controller = new AbortController();
    const answer = worker.tokenize({ prompt: 'a' }, controller.signal);
    await passUntil(() => current().received.length === 1);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
    current().say({ type: 'tokenized', id: 'tokenize-1', tokens: 1 });
    current().onReceive = ({ type }) =>
      type === 'tokenize' && current().say({ type: 'tokenized', id: 'tokenize-2', tokens: 2 });
    expect(await worker.tokenize({ prompt: 'b' }, never)).toBe(2);
    expect(worker.status().protocolFaults).toEqual({});
  });
});
