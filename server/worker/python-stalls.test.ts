import { describe, expect, it, vi } from 'vitest';
import { isRunning, processFacts } from '../testing/processes.js';
import { pythonWorker } from '../testing/python-worker.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';

// For machines whose cores are busy with something else.
vi.setConfig({ testTimeout: 30_000 });

const never = neverAborted();

describe('a worker that hangs', () => {
  it('before the first token costs that run 504, and those who wait are answered by the next', async () => {
    const { worker } = await pythonWorker(
      { tokens: 3, rules: [{ match: 'hang', at: 0, do: 'hang' }] },
      { MINIVAULT_FIRST_TOKEN_TIMEOUT_MS: '300', MINIVAULT_WORKER_STOP_TIMEOUT_MS: '200' },
    );
    const hung = worker.generate(sampleRequest('hang now'), never);
    const innocent = worker.generate(sampleRequest('never lost'), never);
    expect((await readRun(hung)).error).toMatchObject({ code: 'first_token_timeout', status: 504 });
    expect(await hung.settled).toMatchObject({ status: 'failed', text: '' });
    expect(await readRun(innocent)).toMatchObject({ text: 'never lost never', error: null });
    expect(worker.status().lastExit?.reason).toMatch(/did not acknowledge a cancel within 200 ms/);
  });

  it('between two tokens costs that run 504 with its text kept', async () => {
    const { worker } = await pythonWorker(
      { tokens: 6, rules: [{ match: 'hang', at: 4, do: 'hang' }] },
      { MINIVAULT_TOKEN_GAP_TIMEOUT_MS: '300', MINIVAULT_WORKER_STOP_TIMEOUT_MS: '200' },
    );
    const hung = worker.generate(sampleRequest('hang now'), never);
    const { text, error } = await readRun(hung);
    expect(error?.code).toBe('token_gap_timeout');
    expect(text).toBe('hang now hang now');
    expect(await hung.settled).toMatchObject({ status: 'failed', text });
    expect((await readRun(worker.generate(sampleRequest('next'), never))).error).toBeNull();
  });

  it('as a whole is noticed by its silence: kill -STOP', async () => {
    const { worker, pid, seen } = await pythonWorker(
      { tokens: 40, gap_ms: 5 },
      { MINIVAULT_WORKER_SILENCE_TIMEOUT_MS: '1200' },
    );
    await seen(({ state }) => state === 'ready');
    const stopped = pid();
    const run = worker.generate(sampleRequest('stop here'), never);
    const { error } = await readRun(run, text => {
      if (text.endsWith('here')) process.kill(stopped, 'SIGSTOP');
    });
    expect(error).toMatchObject({
      code: 'worker_crashed',
      message: expect.stringContaining('no sign of life for 1200 ms'),
    });
    expect(isRunning(stopped)).toBe(false);
    expect((await readRun(worker.generate(sampleRequest('next'), never))).error).toBeNull();
  });

  it('and is deaf besides is ended by the stop ladder', async () => {
    const { worker, pid, seen } = await pythonWorker(
      { gap_ms: 5, tokens: 1_000, rules: [{ match: 'deaf', at: 1, do: 'deaf' }] },
      { MINIVAULT_WORKER_STOP_TIMEOUT_MS: '200' },
    );
    await seen(({ state }) => state === 'ready');
    const deaf = pid();
    const run = worker.generate(sampleRequest('deaf one'), never);
    const { error } = await readRun(run, text => {
      if (text.endsWith('one')) void worker.stop();
    });
    expect(error?.code).toBe('shutting_down');
    await worker.stop();
    expect(isRunning(deaf)).toBe(false);
    expect(worker.status()).toMatchObject({ state: 'stopped', lastExit: { signal: 'SIGKILL' } });
    expect(await run.settled).toMatchObject({ status: 'failed', error: { code: 'shutting_down' } });
  });
});

describe('a cancel', () => {
  it('frees the slot only when the worker has acknowledged it', async () => {
    const { worker } = await pythonWorker({
      gap_ms: 5,
      tokens: 1_000,
      rules: [{ match: 'slow', at: 1, do: 'slow_cancel:250' }],
    });
    const controller = new AbortController();
    const run = worker.generate(sampleRequest('slow one'), controller.signal);
    await readRun(run, text => {
      if (text.endsWith('one')) controller.abort();
    });
    const abortedAtMs = performance.now();
    expect(worker.status().running).toBe(1);
    expect(await run.settled).toMatchObject({ status: 'cancelled', reason: 'cancelled' });
    expect(performance.now() - abortedAtMs).toBeGreaterThan(150);
    expect(worker.status()).toMatchObject({ running: 0, restarts: 0 });
  });

  it('that a deaf worker ignores costs it its life', async () => {
    const { worker } = await pythonWorker(
      { gap_ms: 5, tokens: 1_000, rules: [{ match: 'deaf', at: 1, do: 'deaf', times: 1 }] },
      { MINIVAULT_WORKER_STOP_TIMEOUT_MS: '200' },
    );
    const controller = new AbortController();
    const run = worker.generate(sampleRequest('deaf one'), controller.signal);
    await readRun(run, text => {
      if (text.endsWith('one')) controller.abort();
    });
    expect(await run.settled).toMatchObject({ status: 'cancelled' });
    expect(worker.status().lastExit?.signal).toBe('SIGKILL');
  });
});

describe('an obedient worker', () => {
  it('leads its own process group, and SIGINT to that does not end an answer', async () => {
    const { worker, pid, seen } = await pythonWorker({ tokens: 20, gap_ms: 2 });
    await seen(({ state }) => state === 'ready');
    expect(processFacts(pid())?.groupId).toBe(pid());
    expect(processFacts(process.pid)?.groupId).not.toBe(pid());
    let isInterrupted = false;
    const { text, error } = await readRun(worker.generate(sampleRequest('go on'), never), seenText => {
      if (isInterrupted || seenText.length < 10) return;
      isInterrupted = true;
      process.kill(-pid(), 'SIGINT');
    });
    expect(error).toBeNull();
    expect(isInterrupted).toBe(true);
    expect(text.split(' ')).toHaveLength(20);
    expect(worker.status().restarts).toBe(0);
  });

  it('counts tokens, tells its memory and leaves when it is asked', async () => {
    const { worker, pid, seen } = await pythonWorker({});
    await seen(({ state }) => state === 'ready');
    const child = pid();
    expect(await worker.tokenize({ prompt: 'one two three' }, never)).toBe(3);
    expect(worker.status()).toMatchObject({
      engine: 'fake',
      slots: 1,
      model: { context_length: 8192 },
      rssBytes: expect.any(Number),
    });
    await worker.stop();
    expect(isRunning(child)).toBe(false);
    expect(worker.status().lastExit).toMatchObject({ code: 0, signal: null });
  });
});
