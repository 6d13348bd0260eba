import { describe, expect, it } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { HEARTBEAT, passAlive, READY, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();
const MINUTE_MS = 60_000;

describe('loading', () => {
  it('survives crashes: prompts wait and are then sent in order', async () => {
    const { worker, processes, current } = scriptedWorker((child, nth) => {
      if (nth <= 2) child.end({ code: 1 });
    });
    const requests = Array.from({ length: 20 }, () => sampleRequest());
    const runs = requests.map(request => worker.generate(request, never));
    await soon();
    expect(worker.status()).toMatchObject({ state: 'restarting', fault: null, lastExit: { code: 1 } });
    await pass(1_000);
    expect(processes).toHaveLength(3);
    expect(current().generated()).toEqual([]);
    current().say(READY);
    await soon();
    expect(worker.status()).toMatchObject({ state: 'ready', slots: 32, restarts: 2, engine: 'scripted' });
    expect(current().generated()).toEqual(requests.map(request => request.id));
    for (const { id } of requests) current().answer(id, [id]);
    const texts = await Promise.all(runs.map(async run => (await readRun(run)).text));
    expect(texts).toEqual(requests.map(request => request.id));
  });

  it('is told in tenths and ends with the line that people wait for', async () => {
    const { worker, current, entries } = scriptedWorker(() => {});
    for (let done = 0; done <= 272; done++) {
      current().say({ type: 'loading', stage: 'weights', done, total: 272 });
    }
    await soon();
    expect(worker.status()).toMatchObject({
      state: 'starting',
      loading: { stage: 'weights', done: 272, total: 272 },
    });
    current().say(READY);
    await soon();
    expect(worker.status().loading).toBeNull();
    const lines = entries.filter(entry => entry.level === 'info');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toEqual({ level: 'info', message: '✅ Python model loaded.', fields: {} });
  });

  it('may take twenty minutes as long as it shows signs of life', async () => {
    const { worker, processes, current } = scriptedWorker(() => {});
    for (let minute = 0; minute < 20; minute++) {
      await pass(MINUTE_MS);
      current().say(minute % 2 ? HEARTBEAT : { type: 'loading', stage: 'weights', done: minute, total: 20 });
    }
    current().say(READY);
    await soon();
    expect(worker.status().state).toBe('ready');
    expect(processes).toHaveLength(1);
  });

  it('is begun anew after five minutes of silence', async () => {
    const { worker, processes, current } = scriptedWorker(() => {});
    await pass(2 * MINUTE_MS);
    current().say(HEARTBEAT, 'noise is no sign of life\n');
    await pass(4.9 * MINUTE_MS);
    expect(current().signals).toEqual([]);
    await pass(0.2 * MINUTE_MS);
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(worker.status().lastExit?.reason).toMatch(/no sign of life for 300000 ms/);
    expect(processes).toHaveLength(2);
  });

  it('gives up after five early deaths, tells why, and goes on trying slowly', async () => {
    let isMended = false;
    const { worker, processes, current, entries } = scriptedWorker(child => {
      child.stderr.write('Traceback\nMemoryError: no room\n');
      if (isMended) child.say(READY);
      else child.end({ code: 1 });
    });
    const waiting = worker.generate(sampleRequest(), never);
    await pass(MINUTE_MS);
    expect(processes).toHaveLength(5);
    expect(worker.status().state).toBe('failed');
    expect(worker.status().fault).toMatch(/exited with code 1: MemoryError: no room/);
    expect(worker.status().lastExit?.stderr).toEqual(['Traceback', 'MemoryError: no room']);
    expect(entries.filter(entry => entry.level === 'error')).toHaveLength(1);
    for (const run of [waiting, worker.generate(sampleRequest(), never)]) {
      const { error } = await readRun(run);
      expect(error).toMatchObject({ code: 'model_unavailable', message: worker.status().fault });
      expect(await run.settled).toMatchObject({ status: 'failed', error });
    }
    await pass(60 * MINUTE_MS);
    expect(processes.length).toBeLessThan(14);
    expect(worker.status().state).toBe('failed');
    isMended = true;
    const triedBefore = processes.length;
    while (processes.length === triedBefore) await pass(1_000);
    expect(worker.status()).toMatchObject({ state: 'ready', fault: null });
    const run = worker.generate(sampleRequest(), never);
    await soon();
    current().answer(current().generated()[0] ?? '', ['again']);
    expect((await readRun(run)).text).toBe('again');
  });
});

describe('a fault that stays', () => {
  const remedy = 'No model at /nowhere. Set MINIVAULT_MODEL to a folder.';
  it.each<[string, (child: ScriptedProcess) => void, RegExp]>([
    [
      'told by the worker',
      child => child.say({ type: 'error', id: null, code: 'model_unavailable', message: remedy }),
      /^No model at \/nowhere\. Set MINIVAULT_MODEL to a folder\.$/,
    ],
    [
      'that ends it with code 78',
      child => {
        child.stderr.write('ImportError: torch\n');
        child.end({ code: 78 });
      },
      /ImportError: torch\. Set Python up\./,
    ],
    [
      'of a Python that is not there',
      child => child.end({ spawnError: { code: 'ENOENT', message: 'spawn ENOENT' } }),
      /^\/venv\/bin\/python cannot be started \(ENOENT\)\. Set Python up\.$/,
    ],
    [
      'of another protocol version',
      child => child.say({ ...READY, protocol: 2 } as WorkerMessage),
      /version 2/,
    ],
    ['of a handshake from elsewhere', child => child.say('{"type":"ready"}\n'), /another version/],
  ])('%s fails at once, with the remedy and without restarts', async (_, cause, fault) => {
    const { worker, processes } = scriptedWorker(() => {});
    const run = worker.generate(sampleRequest(), never);
    cause(processes[0] ?? expect.fail());
    await soon();
    expect(worker.status().state).toBe('failed');
    expect(worker.status().fault).toMatch(fault);
    expect((await readRun(run)).error).toMatchObject({ code: 'model_unavailable', status: 503 });
    await pass(MINUTE_MS - 2_000);
    expect(processes).toHaveLength(1);
    await pass(MINUTE_MS);
    expect(processes).toHaveLength(2);
    expect(worker.status().state).toBe('failed');
    processes[1]?.say(READY);
    await soon();
    expect(worker.status()).toMatchObject({ state: 'ready', fault: null });
  });

  it('lets the worker finish what it can, and fails the rest without another try', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const requests = [sampleRequest(), sampleRequest()];
    const runs = requests.map(request => worker.generate(request, never));
    await soon();
    current().say({ type: 'error', id: null, code: 'model_unavailable', message: remedy });
    await soon();
    expect(worker.status()).toMatchObject({ state: 'failed', running: 2 });
    current().answer(requests[0]?.id ?? '', ['done']);
    current().end({ code: 78 });
    const outcomes = await Promise.all(runs.map(run => run.settled));
    expect(outcomes).toMatchObject([{ text: 'done', error: null }, { error: { code: 'model_unavailable' } }]);
    expect(processes).toHaveLength(1);
  });

  it('does not keep a worker that says so and lives on', async () => {
    const { current } = scriptedWorker(() => {});
    current().say({ type: 'error', id: null, code: 'model_unavailable', message: remedy });
    await passAlive(current(), 4_000);
    expect(current().signals).toEqual([]);
    await passAlive(current(), 2_000);
    expect(current().signals).toEqual(['SIGKILL']);
  });
});

it('tells every change of state until nobody wants to know', async () => {
  const { worker, current } = scriptedWorker(() => {});
  const states: string[] = [];
  const unsubscribe = worker.onChange(({ state }) => {
    if (states.at(-1) !== state) states.push(state);
  });
  current().say(READY);
  await soon();
  current().end({ code: 1 });
  await pass(1_000);
  current().say(READY);
  await soon();
  unsubscribe();
  worker.kill();
  await soon();
  expect(states).toEqual(['ready', 'restarting', 'ready']);
});
