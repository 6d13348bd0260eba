import { describe, expect, it, vi } from 'vitest';
import { fixtureCommand, fixtureWorker } from '../testing/fixture-worker.js';
import { isRunning, ownChildren, processFacts } from '../testing/processes.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { until } from '../testing/until.js';
import { spawnWorker } from './process.js';

// For machines whose cores are busy with something else.
vi.setConfig({ testTimeout: 30_000 });

const never = neverAborted();

describe('a child program as worker', () => {
  it('may start slowly: who came meanwhile is answered in order', async () => {
    const { worker, entries } = fixtureWorker(fixtureCommand('slow-start'));
    const prompts = Array.from({ length: 20 }, (_, i) => `nonce-${i} nonce-${i}`);
    const runs = prompts.map(prompt => worker.generate(sampleRequest(prompt), never));
    const texts = await Promise.all(runs.map(async run => (await readRun(run)).text));
    expect(texts).toEqual(prompts);
    expect(entries.map(entry => entry.message).join()).toMatch(/weights, 50 %.*Python model loaded/);
  });

  it('may die in the middle of an answer: its text is kept, the next prompt unharmed', async () => {
    const { worker } = fixtureWorker(fixtureCommand('dies-mid-stream'));
    const dying = worker.generate(sampleRequest('die now'), never);
    const { text, error } = await readRun(dying);
    expect(text).toBe('half');
    expect(error?.code).toBe('worker_crashed');
    const next = await readRun(worker.generate(sampleRequest('still here'), never));
    expect(next.text).toBe('still here');
    expect(worker.status()).toMatchObject({
      restarts: 1,
      lastExit: { code: 3, signal: null, stderr: ['last words'] },
      protocolFaults: { not_json: 1 },
    });
  });

  it('may print what it likes: no stream is touched and no answer shifted', async () => {
    const { worker, entries } = fixtureWorker(fixtureCommand('prints-garbage'));
    const prompts = ['one\ntwo', 'holds __END__ itself', '__READY__', 'last'];
    const runs = prompts.map(prompt => worker.generate(sampleRequest(prompt), never));
    const texts = await Promise.all(runs.map(async run => (await readRun(run)).text));
    expect(texts).toEqual(prompts);
    await until(() => worker.status().protocolFaults.unknown_id === 4);
    expect(worker.status().protocolFaults).toEqual({ not_json: 12, not_protocol: 12, unknown_id: 4 });
    await until(() => entries.filter(entry => entry.message.includes('not for clients')).length === 4);
  });

  it('may cut characters in pieces', async () => {
    const { worker } = fixtureWorker(fixtureCommand('half-lines'));
    const { text } = await readRun(worker.generate(sampleRequest('Grüße 👋🏽 你好 e\u0301'), never));
    expect(text).toBe('Grüße 👋🏽 你好 e\u0301');
    expect(worker.status().protocolFaults).toEqual({});
  });

  it('may be deaf: it is killed at the end of the stop ladder', async () => {
    const { worker } = fixtureWorker(fixtureCommand('ignores-sigterm'));
    await until(() => worker.status().loading !== null);
    const pid = worker.status().pid ?? expect.fail();
    await worker.stop();
    expect(isRunning(pid)).toBe(false);
    expect(worker.status()).toMatchObject({ state: 'stopped', pid: null });
    expect(worker.status().lastExit).toMatchObject({
      signal: 'SIGKILL',
      stderr: ['ignored: {"type":"shutdown"}', 'SIGTERM, so what'],
    });
  });

  it('may be missing: the fault names it and the remedy', async () => {
    const { worker } = fixtureWorker({ ...fixtureCommand('echo-worker'), file: '/no/such/python' });
    const { error } = await readRun(worker.generate(sampleRequest(), never));
    expect(error).toMatchObject({
      code: 'model_unavailable',
      message: '/no/such/python cannot be started (ENOENT). It comes with the tests.',
    });
    expect(worker.status()).toMatchObject({ state: 'failed', pid: null });
  });
});

describe('a worker process', () => {
  it('leads a process group of its own and sees nothing of our environment', async () => {
    const { worker } = fixtureWorker({
      ...fixtureCommand('echo-worker'),
      args: ['-e', 'console.error(Object.keys(process.env).sort().join()); process.exit(1)'],
      env: { LANG: 'C' },
    });
    await until(() => worker.status().lastExit !== null);
    expect(worker.status().lastExit?.stderr).toEqual(['LANG']);
    const child = spawnWorker(fixtureCommand('ignores-sigterm'));
    expect(processFacts(child.pid ?? 0)?.groupId).toBe(child.pid);
    expect(processFacts(process.pid)?.groupId).not.toBe(child.pid);
    child.signal('SIGKILL');
    expect(await child.exit).toEqual({ code: null, signal: 'SIGKILL', spawnError: null });
    child.signal('SIGKILL');
  });

  it('takes its descendants along, and does not wait for one that left the group with its pipes', async () => {
    const child = spawnWorker(fixtureCommand('leaves-children'));
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.resume();
    await until(() => stderr.endsWith('\n'));
    const [inGroup = 0, runaway = 0] = stderr.split(' ').slice(1).map(Number);
    expect([inGroup, runaway].map(isRunning)).toEqual([true, true]);
    child.stdin.write('{"type":"generate"}\n');
    expect(await child.exit).toMatchObject({ code: 1 });
    await until(() => !isRunning(inGroup));
    expect(isRunning(runaway)).toBe(true);
    process.kill(runaway, 'SIGKILL');
  });

  it('leaves no zombie and no listener behind over twenty lives', async () => {
    const before = ownChildren().length;
    const listeners = process.eventNames().map(name => process.listenerCount(name));
    for (let life = 0; life < 20; life++) {
      const child = spawnWorker({
        ...fixtureCommand(''),
        file: '/bin/sh',
        args: ['-c', 'sleep 60 & exit 7'],
      });
      child.stdout.resume();
      child.stderr.resume();
      child.stdin.on('error', () => {});
      expect(await child.exit).toMatchObject({ code: 7 });
    }
    expect(ownChildren()).toHaveLength(before);
    expect(process.eventNames().map(name => process.listenerCount(name))).toEqual(listeners);
  });
});
