import { expect, it } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { READY } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';

useFakeClock();

const never = neverAborted();

it('ends the process politely, and counts it neither as a death nor as a restart', async () => {
  const { worker, processes, current } = scriptedWorker();
  await soon();
  const unloaded = worker.unload();
  expect(worker.status()).toMatchObject({ state: 'unloaded', pid: 1_000_000 });
  await soon();
  expect(current().received).toEqual([{ type: 'shutdown' }]);
  current().end({ code: 0 });
  expect(await unloaded).toBe(true);
  await pass(120_000);
  expect(processes).toHaveLength(1);
  expect(worker.status()).toMatchObject({
    state: 'unloaded',
    pid: null,
    restarts: 0,
    lastExit: null,
    fault: null,
    model: { id: 'scripted' },
  });
});

it('is undone by the next prompt, which waits for the new worker', async () => {
  const { worker, processes, current } = scriptedWorker((child, nth) => {
    if (nth === 1) child.say(READY);
  });
  await soon();
  const unloaded = worker.unload();
  current().end({ code: 0 });
  await unloaded;
  const run = worker.generate(sampleRequest(), never);
  expect(worker.status().state).toBe('starting');
  expect(processes).toHaveLength(2);
  current().say(READY);
  await soon();
  current().answer(current().generated()[0] ?? '', ['back']);
  expect((await readRun(run)).text).toBe('back');
  expect(worker.status().restarts).toBe(0);
});

it('never has two processes at once: a load that comes too early waits for the end of the old one', async () => {
  const { worker, processes } = scriptedWorker();
  await soon();
  const unloaded = worker.unload();
  worker.load();
  await soon();
  expect(worker.status().state).toBe('starting');
  expect(processes).toHaveLength(1);
  processes[0]?.end({ code: 0 });
  await unloaded;
  expect(processes).toHaveLength(2);
  await soon();
  expect(worker.status().state).toBe('ready');
});

it('is refused while something runs or is asked, and before the model is there', async () => {
  const { worker, current } = scriptedWorker(() => {});
  expect(await worker.unload()).toBe(false);
  current().say(READY);
  await soon();
  const run = worker.generate(sampleRequest(), never);
  expect(await worker.unload()).toBe(false);
  await soon();
  current().answer(current().generated()[0] ?? '', ['a']);
  await run.settled;
  const counted = worker.tokenize({ prompt: 'a' }, never);
  expect(await worker.unload()).toBe(false);
  current().say({ type: 'tokenized', id: 'tokenize-1', tokens: 3 });
  expect(await counted).toBe(3);
  expect(worker.status().state).toBe('ready');
});

it('kills a worker that does not want to go', async () => {
  const { worker, current } = scriptedWorker();
  await soon();
  current().mortalBy = ['SIGKILL'];
  const unloaded = worker.unload();
  await pass(11_000);
  expect(await unloaded).toBe(true);
  expect(current().signals).toEqual(['SIGTERM', 'SIGKILL']);
  expect(worker.status()).toMatchObject({ state: 'unloaded', lastExit: null });
});

it('gives way to the end of the gateway', async () => {
  const { worker, processes, current } = scriptedWorker();
  await soon();
  void worker.unload();
  const stopped = worker.stop();
  current().end({ code: 0 });
  await stopped;
  worker.load();
  expect(worker.status().state).toBe('stopped');
  expect(processes).toHaveLength(1);
});
