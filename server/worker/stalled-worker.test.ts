import { describe, expect, it, vi } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { doneMessage, passAlive } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import { MAX_LINE_BYTES, type WorkerMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();

describe('a stalled worker', () => {
  it('is killed after ten seconds without a sign of life, and replaced', async () => {
    const { worker, processes, current } = scriptedWorker();
    await passAlive(current(), 20_000);
    expect(worker.status()).toMatchObject({ state: 'ready', rssBytes: 5_000_000 });
    await pass(11_000);
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(worker.status().lastExit?.reason).toBe(
      'killed by the gateway: it gave no sign of life for 10000 ms',
    );
    await pass(1_000);
    expect(worker.status()).toMatchObject({ state: 'ready', restarts: 1 });
  });

  it('costs the run without a first token 504, and the worker its life when it does not obey', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const hung = worker.generate(sampleRequest(), never);
    await passAlive(current(), 60_000);
    const innocent = worker.generate(sampleRequest(), never);
    const reading = readRun(hung);
    await passAlive(current(), 59_000);
    expect(current().received).toHaveLength(2);
    await passAlive(current(), 2_000);
    expect((await reading).error).toMatchObject({ code: 'first_token_timeout', status: 504 });
    expect(current().received.at(-1)?.type).toBe('cancel');
    await passAlive(current(), 3_000);
    expect(current().signals).toEqual([]);
    await passAlive(current(), 3_000);
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(await hung.settled).toMatchObject({ status: 'failed', error: { code: 'first_token_timeout' } });
    await soon();
    expect(processes).toHaveLength(2);
    current().answer(current().generated()[0] ?? '', ['whole']);
    expect((await readRun(innocent)).text).toBe('whole');
  });

  it('is none while it says that a run is delayed: the clock of the first token runs from then', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const request = sampleRequest();
    const run = worker.generate(request, never);
    await passAlive(current(), 500_000, { type: 'delayed', ids: [request.id] });
    expect(current().received).toHaveLength(1);
    current().say({ type: 'started', id: request.id, prompt_tokens: 3, cached_tokens: 2 });
    await passAlive(current(), 118_000, { type: 'delayed', ids: [request.id] });
    expect(current().received).toHaveLength(1);
    await passAlive(current(), 3_000);
    expect(current().received.at(-1)).toEqual({ type: 'cancel', id: request.id });
    current().say(doneMessage(request.id, 0, 'cancelled'));
    expect(await run.settled).toMatchObject({ status: 'failed', error: { code: 'first_token_timeout' } });
    expect(processes).toHaveLength(1);
  });

  it('that pauses between two tokens costs that run alone when it obeys the cancel', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const request = sampleRequest();
    const run = worker.generate(request, never);
    const tokens: WorkerMessage = { type: 'tokens', items: [[request.id, 'x', 1]] };
    for (let i = 0; i < 5; i++) await passAlive(current(), 29_000, tokens);
    await passAlive(current(), 29_000);
    expect(current().received).toHaveLength(1);
    await passAlive(current(), 2_000);
    expect(current().received.at(-1)).toEqual({ type: 'cancel', id: request.id });
    current().say(doneMessage(request.id, 145, 'cancelled'));
    await passAlive(current(), 20_000);
    const outcome = await run.settled;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'token_gap_timeout' } });
    expect(outcome.text).toBe('x'.repeat(145));
    expect(processes).toHaveLength(1);
  });

  it('that does not acknowledge a cancel in time is killed', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const controller = new AbortController();
    const run = worker.generate(sampleRequest(), controller.signal);
    await soon();
    controller.abort();
    await passAlive(current(), 4_000);
    expect(processes[0]?.signals).toEqual([]);
    await passAlive(current(), 2_000);
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(await run.settled).toMatchObject({ status: 'cancelled' });
  });
});

it('gets nothing more once it is to be killed, and costs those who come meanwhile nothing', async () => {
  const { worker, processes, current } = scriptedWorker();
  await soon();
  const dying = current();
  dying.mortalBy = [];
  await pass(11_000);
  expect(dying.signals).toEqual(['SIGKILL']);
  const run = worker.generate(sampleRequest(), never);
  await soon();
  expect(dying.generated()).toEqual([]);
  dying.end({ signal: 'SIGKILL' });
  await pass(500);
  expect(processes).toHaveLength(2);
  current().answer(current().generated()[0] ?? '', ['whole']);
  expect((await readRun(run)).text).toBe('whole');
});

it('is watched by one timer, and each run by one more until it ends', async () => {
  const { worker, current } = scriptedWorker();
  await soon();
  expect(vi.getTimerCount()).toBe(1);
  const requests = [sampleRequest(), sampleRequest()];
  const runs = requests.map(request => worker.generate(request, never));
  await soon();
  expect(vi.getTimerCount()).toBe(3);
  for (const { id } of requests) current().answer(id, ['a', 'b']);
  await Promise.all(runs.map(run => run.settled));
  expect(vi.getTimerCount()).toBe(1);
  current().end({ code: 1 });
  await soon();
  // The restart's.
  expect(vi.getTimerCount()).toBe(1);
});

it('replaces a worker whose line is too long', async () => {
  const { worker, processes, current } = scriptedWorker();
  await soon();
  for (let i = 0; i < 20; i++) current().say('x'.repeat(MAX_LINE_BYTES / 8));
  await soon();
  expect(processes[0]?.signals).toEqual(['SIGKILL']);
  await pass(1_000);
  expect(worker.status()).toMatchObject({ state: 'ready', protocolFaults: { line_too_long: 1 } });
});
