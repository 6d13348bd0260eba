import { describe, expect, it, vi } from 'vitest';
import type { FakePlan } from '../testing/fake-plan.js';
import { isRunning, ownChildren } from '../testing/processes.js';
import { pythonWorker } from '../testing/python-worker.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import type { RunOutcome, Worker } from './worker.js';

// For machines whose cores are busy with something else.
vi.setConfig({ testTimeout: 30_000 });

const never = neverAborted();
const wordsOf = (nonce: string): string => `${nonce}-one ${nonce}-two`;
/** What the fake engine makes of a prompt: its words, round and round. */
const answerTo = (prompt: string, tokens: number): string => {
  const words = prompt.split(' ');
  return Array.from({ length: tokens }, (_, i) => words[i % words.length]).join(' ');
};

/** Runs the prompts in order, at most as many at once as the worker has slots. */
async function runInSlots(worker: Worker, prompts: readonly string[], slots: number): Promise<RunOutcome[]> {
  const outcomes: RunOutcome[] = [];
  const left = [...prompts.entries()];
  const slot = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [i, prompt] = next;
      outcomes[i] = await worker.generate(sampleRequest(prompt), never).settled;
    }
  };
  await Promise.all(Array.from({ length: slots }, slot));
  return outcomes;
}

describe('while loading', () => {
  it('a worker that dies twice costs nobody anything: 20 prompts get their own answers in order', async () => {
    const { worker } = await pythonWorker({ load: [{ do: 'exit:1', times: 2 }], load_ms: 50, tokens: 4 });
    const prompts = Array.from({ length: 20 }, (_, i) => wordsOf(`nonce${i}`));
    const ended: string[] = [];
    const outcomes = await Promise.all(
      prompts.map(async prompt => {
        const outcome = await worker.generate(sampleRequest(prompt), never).settled;
        ended.push(prompt);
        return outcome;
      }),
    );
    expect(outcomes.map(({ text }) => text)).toEqual(prompts.map(prompt => answerTo(prompt, 4)));
    expect(ended).toEqual(prompts);
    expect(worker.status()).toMatchObject({ state: 'ready', restarts: 2, running: 0 });
  });

  it('a worker that may not even start says what is wrong and how to mend it', async () => {
    const broken = { rules: [{ match: 'x', do: 'no-such-fault' }] } satisfies FakePlan;
    const { worker, seen } = await pythonWorker(broken);
    const waiting = worker.generate(sampleRequest(), never);
    expect((await readRun(waiting)).error).toMatchObject({ code: 'model_unavailable', status: 503 });
    const { fault } = await seen(({ lastExit }) => lastExit?.code === 78);
    expect(fault).toMatch(/^MINIVAULT_FAKE_PLAN is wrong: /);
    expect(worker.status()).toMatchObject({ state: 'failed', restarts: 0 });
  });

  it('a Python that is not there is named with the remedy', async () => {
    const { worker } = await pythonWorker({}, { MINIVAULT_PYTHON: '/empty/venv/bin/python' });
    expect((await readRun(worker.generate(sampleRequest(), never))).error?.message).toBe(
      '/empty/venv/bin/python cannot be started (ENOENT). ' +
        'Run `npm start` once, which sets Python up, or name another one with MINIVAULT_PYTHON.',
    );
  });
});

describe('before the first token', () => {
  it('a crash is not seen by the client', async () => {
    const { worker } = await pythonWorker({
      tokens: 3,
      rules: [{ match: 'once', at: 0, do: 'exit:139', times: 1 }],
    });
    const { events, text, error } = await readRun(worker.generate(sampleRequest('crash once please'), never));
    expect(error).toBeNull();
    expect(text).toBe('crash once please');
    expect(events.filter(({ type }) => type === 'started')).toHaveLength(1);
    expect(worker.status()).toMatchObject({ restarts: 1, lastExit: { code: 139 } });
  });

  it('a second crash fails the run, with a word about memory when it was killed', async () => {
    const fates = ['exit:139', 'kill:SEGV', 'kill:KILL'].map(async fault => {
      const { worker } = await pythonWorker({ rules: [{ match: 'twice', at: 0, do: fault, times: 2 }] });
      return worker.generate(sampleRequest('crash twice'), never).settled;
    });
    const [exited, segfaulted, killed] = await Promise.all(fates);
    const failed = { status: 'failed', text: '', reason: null };
    expect(exited).toMatchObject({ ...failed, error: { code: 'worker_crashed', status: 500 } });
    expect(segfaulted?.error).toMatchObject({
      code: 'worker_crashed',
      message: expect.stringMatching('SIGSEGV'),
    });
    expect(killed?.error).toMatchObject({ code: 'worker_killed', message: expect.stringMatching('memory') });
  });

  it('a poisonous prompt among twenty good ones kills only itself', async () => {
    const { worker } = await pythonWorker({
      slots: 4,
      tokens: 1,
      prefill_ms: 40,
      rules: [{ match: 'POISON', at: 0, do: 'exit:139', prefill_ms: 0 }],
    });
    const prompts = Array.from({ length: 21 }, (_, i) => (i === 9 ? 'POISON' : `nonce${i}`));
    const outcomes = await runInSlots(worker, prompts, 4);
    expect(outcomes.map(({ status, text }) => `${status} ${text}`)).toEqual(
      prompts.map(prompt => (prompt === 'POISON' ? 'failed ' : `completed ${prompt}`)),
    );
    expect(worker.status()).toMatchObject({ state: 'ready', restarts: 2, running: 0, fault: null });
  });
});

describe('in the middle of an answer', () => {
  it('kill -9 at any token keeps the text, fails that run and no other', async () => {
    await Promise.all(
      [1, 9, 26, 39].map(async at => {
        const prompt = wordsOf(`nonce${at}`);
        const rules = [{ match: prompt, at, do: 'hang' }];
        const { worker, pid } = await pythonWorker({ tokens: 40, rules });
        const run = worker.generate(sampleRequest(prompt), never);
        const queued = worker.generate(sampleRequest(`queued ${at}`), never);
        const { text, error } = await readRun(run, seenText => {
          if (seenText === answerTo(prompt, at)) process.kill(pid(), 'SIGKILL');
        });
        expect(error?.code).toBe('worker_killed');
        expect(text).toBe(answerTo(prompt, at));
        expect(await run.settled).toMatchObject({ status: 'failed', text, usage: { promptTokens: 2 } });
        expect(await readRun(queued)).toMatchObject({ text: answerTo(`queued ${at}`, 40), error: null });
        expect(worker.status()).toMatchObject({ restarts: 1, running: 0 });
      }),
    );
  });

  it('a torn last line is ignored and the run fails with what had come', async () => {
    const { worker } = await pythonWorker({ rules: [{ match: 'tear', at: 5, do: 'torn', times: 1 }] });
    const run = worker.generate(sampleRequest('tear this'), never);
    const { text, error } = await readRun(run);
    expect(error).toMatchObject({ code: 'worker_crashed', message: expect.stringContaining('code 0') });
    expect(text).toBe(answerTo('tear this', 5));
    expect((await readRun(worker.generate(sampleRequest('next'), never))).error).toBeNull();
    expect(worker.status().protocolFaults).toEqual({ not_json: 1 });
  });
});

it('leaves no zombie and no child behind when workers are killed twenty times', async () => {
  const before = ownChildren().map(({ pid }) => pid);
  const workers = await Promise.all(Array.from({ length: 10 }, () => pythonWorker({ tokens: 1 })));
  const pids = await Promise.all(
    workers.map(async ({ worker, pid, seen }) => {
      const killed: number[] = [];
      for (let kills = 0; kills < 2; kills++) {
        await seen(({ state, restarts }) => state === 'ready' && restarts === kills);
        killed.push(pid());
        process.kill(pid(), 'SIGKILL');
      }
      await seen(({ state, restarts }) => state === 'ready' && restarts === 2);
      expect((await readRun(worker.generate(sampleRequest('alive'), never))).text).toBe('alive');
      killed.push(pid());
      await worker.stop();
      return killed;
    }),
  );
  expect(new Set(pids.flat()).size).toBe(30);
  expect(pids.flat().filter(isRunning)).toEqual([]);
  expect(ownChildren().filter(({ pid }) => !before.includes(pid))).toEqual([]);
});
