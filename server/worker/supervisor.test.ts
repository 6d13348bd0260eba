import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { doneMessage, READY, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import { MAX_LINE_BYTES, type WorkerMessage } from './protocol.js';

const never = neverAborted();
const MINUTE_MS = 60_000;
const HEARTBEAT: WorkerMessage = { type: 'heartbeat', step: 1, running: 0, rss_bytes: 5_000_000 };

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
/** Lets streams and promises finish what they have begun. */
const soon = (): Promise<unknown> => pass(1);

/** Gives a sign of life every second. */
async function passAlive(child: ScriptedProcess, ms: number, sign: WorkerMessage = HEARTBEAT): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    child.say(sign);
    await pass(1_000);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

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
    expect(lines).toHaveLength(12);
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

  it('does not keep a worker that says so and lives on', async () => {
    const { current } = scriptedWorker(() => {});
    current().say({ type: 'error', id: null, code: 'model_unavailable', message: remedy });
    await passAlive(current(), 4_000);
    expect(current().signals).toEqual([]);
    await passAlive(current(), 2_000);
    expect(current().signals).toEqual(['SIGKILL']);
  });
});

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
    expect((await reading).error).toMatchObject({ code: 'generation_timeout', status: 504 });
    expect(current().received.at(-1)?.type).toBe('cancel');
    await passAlive(current(), 3_000);
    expect(current().signals).toEqual([]);
    await passAlive(current(), 3_000);
    expect(processes[0]?.signals).toEqual(['SIGKILL']);
    expect(await hung.settled).toMatchObject({ status: 'failed', error: { code: 'generation_timeout' } });
    await soon();
    expect(processes).toHaveLength(2);
    current().answer(current().generated()[0] ?? '', ['whole']);
    expect((await readRun(innocent)).text).toBe('whole');
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
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'generation_timeout' } });
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

it('replaces a worker whose line is too long', async () => {
  const { worker, processes, current } = scriptedWorker();
  await soon();
  for (let i = 0; i < 20; i++) current().say('x'.repeat(MAX_LINE_BYTES / 8));
  await soon();
  expect(processes[0]?.signals).toEqual(['SIGKILL']);
  await pass(1_000);
  expect(worker.status()).toMatchObject({ state: 'ready', protocolFaults: { line_too_long: 1 } });
});

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
