import { describe, expect, it } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { HEARTBEAT, passAlive, READY, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();
const MIB = 1024 ** 2;
const takes = (mib: number): WorkerMessage => ({ ...HEARTBEAT, rss_bytes: mib * MIB }) as WorkerMessage;

function bounded(onSpawn?: (child: ScriptedProcess, nth: number) => void) {
  return scriptedWorker(onSpawn, { maxRssBytes: 100 * MIB });
}

describe('a worker over its bound of memory', () => {
  it('finishes what it runs, gets nothing new, and is replaced without being counted as a death', async () => {
    const { worker, processes, current, entries } = bounded();
    await soon();
    current().say(takes(50));
    const running = worker.generate(sampleRequest(), never);
    await soon();
    const [first] = processes;
    first?.say(takes(101));
    await soon();
    expect(worker.status()).toMatchObject({ state: 'restarting', running: 1, recycles: 0 });
    const waiting = worker.generate(sampleRequest(), never);
    const [id = ''] = first?.generated() ?? [];
    await passAlive(first as ScriptedProcess, 60_000, takes(140));
    expect(first?.generated()).toHaveLength(1);
    expect(processes).toHaveLength(1);
    first?.answer(id, ['whole']);
    expect((await readRun(running)).text).toBe('whole');
    await soon();
    expect(first?.received.at(-1)).toEqual({ type: 'shutdown' });
    first?.end({ code: 0 });
    await soon();
    expect(processes).toHaveLength(2);
    await soon();
    const [next = ''] = current().generated();
    current().answer(next, ['kept']);
    expect((await readRun(waiting)).text).toBe('kept');
    expect(worker.status()).toMatchObject({
      state: 'ready',
      restarts: 0,
      recycles: 1,
      lastExit: null,
      fault: null,
    });
    expect(entries.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^The worker takes 101 MiB after \d+ s, more than the 100 MiB of /),
    ]);
  });

  it('is told of clients that leave, and still counts tokens', async () => {
    const { worker, current } = bounded();
    await soon();
    current().say(takes(50));
    const leaving = new AbortController();
    const run = worker.generate(sampleRequest(), leaving.signal);
    await soon();
    current().say(takes(200));
    await soon();
    const counted = worker.tokenize({ prompt: 'a' }, never);
    await soon();
    current().say({ type: 'tokenized', id: 'tokenize-1', tokens: 3 });
    expect(await counted).toBe(3);
    leaving.abort();
    await soon();
    expect(current().received.at(-1)).toMatchObject({ type: 'cancel' });
    const [id = ''] = current().generated();
    current().say({ ...done(id), reason: 'cancelled' } as WorkerMessage);
    await run.settled;
    await soon();
    expect(current().received.at(-1)).toEqual({ type: 'shutdown' });
  });

  it('that dies meanwhile is a death like any other', async () => {
    const { worker, processes, current } = bounded();
    await soon();
    current().say(takes(50));
    const run = worker.generate(sampleRequest(), never);
    await soon();
    const [id = ''] = current().generated();
    current().say({ type: 'tokens', items: [[id, 'half', 1]] }, takes(200));
    await soon();
    current().end({ signal: 'SIGSEGV' });
    expect(await run.settled).toMatchObject({ status: 'failed', text: 'half' });
    await pass(1_000);
    expect(processes).toHaveLength(2);
    expect(worker.status()).toMatchObject({ restarts: 1, recycles: 0, lastExit: { signal: 'SIGSEGV' } });
  });

  it('that takes too much before its first prompt is kept: the next would be no better', async () => {
    const { worker, processes, current, entries } = bounded();
    await soon();
    await passAlive(current(), 5_000, takes(101));
    expect(processes).toHaveLength(1);
    expect(worker.status()).toMatchObject({ state: 'ready', recycles: 0 });
    const warnings = entries.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toMatch(/MINIVAULT_WORKER_MAX_RSS_BYTES \(100 MiB\) is too low/);
  });

  it('gives way to the end of the gateway, and to none without a bound', async () => {
    const { worker, processes, current } = bounded();
    await soon();
    current().say(takes(50), takes(200));
    await soon();
    const stopped = worker.stop();
    current().end({ code: 0 });
    await stopped;
    expect(processes).toHaveLength(1);
    expect(worker.status().state).toBe('stopped');

    const free = scriptedWorker();
    await soon();
    free.current().say(READY, takes(1), takes(1_000_000));
    await soon();
    expect(free.worker.status().state).toBe('ready');
  });
});

function done(id: string) {
  return {
    type: 'done',
    id,
    stop_sequence: null,
    usage: { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 1 },
    timings: { queue: 0, prefill: 1, decode: 2 },
    numerics: 'none',
  };
}
