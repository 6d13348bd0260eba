import { describe, expect, it, vi } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { READY } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();
const MINUTE_MS = 60_000;

describe('stopping', () => {
  it('asks, then sends SIGTERM, then SIGKILL, and tells those in flight', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    const child = current();
    child.mortalBy = ['SIGKILL'];
    const request = sampleRequest();
    const run = worker.generate(request, never);
    await soon();
    child.say({ type: 'tokens', items: [[request.id, 'half', 1]] });
    await soon();
    const reading = readRun(run);
    const stopped = worker.stop();
    expect(await reading).toMatchObject({ text: 'half', error: { code: 'shutting_down' } });
    await soon();
    expect(child.received.at(-1)).toEqual({ type: 'shutdown' });
    await pass(4_990);
    expect(child.signals).toEqual([]);
    await pass(20);
    expect(child.signals).toEqual(['SIGTERM']);
    await pass(5_000);
    expect(child.signals).toEqual(['SIGTERM', 'SIGKILL']);
    await stopped;
    expect(worker.status()).toMatchObject({ state: 'stopped', pid: null, running: 0 });
    expect(await run.settled).toMatchObject({ status: 'failed', text: 'half' });
    expect((await readRun(worker.generate(request, never))).error?.code).toBe('shutting_down');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes an obedient worker at its word', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    current().onReceive = ({ type }) => type === 'shutdown' && current().end({ code: 0 });
    const first = worker.stop();
    const second = worker.stop();
    await Promise.all([first, second]);
    expect(current().signals).toEqual([]);
    expect(current().received).toEqual([{ type: 'shutdown' }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends those who wait, and a restart that was planned', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    current().end({ code: 1 });
    await soon();
    const waiting = worker.generate(sampleRequest(), never);
    await worker.stop();
    expect(await waiting.settled).toMatchObject({ status: 'failed', error: { code: 'shutting_down' } });
    await pass(MINUTE_MS);
    expect(processes).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('sends nothing more to the worker that is asked to stop', async () => {
    const { worker, current } = scriptedWorker(child => child.say({ ...READY, slots: 1 } as WorkerMessage));
    await soon();
    const runs = [1, 2, 3].map(() => worker.generate(sampleRequest(), never));
    await soon();
    const child = current();
    const stopped = worker.stop();
    await soon();
    expect(child.generated()).toHaveLength(1);
    worker.kill();
    await stopped;
    const outcomes = await Promise.all(runs.map(run => run.settled));
    expect(outcomes.map(({ error }) => error?.code)).toEqual(Array(3).fill('shutting_down'));
  });

  it('may be cut short by killing', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    const child = current();
    const stopped = worker.stop();
    worker.kill();
    await stopped;
    expect(child.signals).toEqual(['SIGKILL']);
    await pass(MINUTE_MS);
    expect(worker.status().state).toBe('stopped');
  });
});
