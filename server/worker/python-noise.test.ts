import { expect, it, vi } from 'vitest';
import { pythonWorker } from '../testing/python-worker.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { until } from '../testing/until.js';

// For machines whose cores are busy with something else.
vi.setConfig({ testTimeout: 30_000 });

const never = neverAborted();
const MIB = 1024 * 1024;

/** Peak growth of our resident memory while the action runs. */
async function growthWhile(action: Promise<unknown>): Promise<number> {
  const beforeBytes = process.memoryUsage.rss();
  let peakBytes = beforeBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 5);
  try {
    await action;
  } finally {
    clearInterval(timer);
  }
  return peakBytes - beforeBytes;
}

it('prints of any kind are kept away from the answers', async () => {
  const { worker, entries } = await pythonWorker({
    tokens: 4,
    rules: [{ match: 'loud', at: 2, do: 'print' }],
  });
  const [loud, quiet] = await Promise.all(
    ['loud prompt', 'quiet prompt'].map(prompt => readRun(worker.generate(sampleRequest(prompt), never))),
  );
  expect(loud?.text).toBe('loud prompt loud prompt');
  expect(quiet?.text).toBe('quiet prompt quiet prompt');
  await until(() => entries.some(({ message }) => message.includes('printed from a thread')));
  for (const source of ['printed from Python', 'written to descriptor 1', 'written from C']) {
    expect(entries.some(({ message }) => message.includes(source))).toBe(true);
  }
  expect(worker.status().protocolFaults).toEqual({});
});

it('lines that are not protocol are counted and ignored', async () => {
  const { worker } = await pythonWorker({ tokens: 4, rules: [{ match: 'loud', at: 2, do: 'garbage' }] });
  expect((await readRun(worker.generate(sampleRequest('loud prompt'), never))).text).toBe(
    'loud prompt loud prompt',
  );
  expect(worker.status()).toMatchObject({ restarts: 0, protocolFaults: { not_json: 1, not_protocol: 3 } });
});

it('300 MB on stderr in the middle of an answer touch neither it nor our memory', async () => {
  const { worker, entries } = await pythonWorker({
    tokens: 4,
    rules: [{ match: 'flood', at: 2, do: 'stderr:300MB' }],
  });
  const reading = readRun(worker.generate(sampleRequest('flood prompt'), never));
  expect(await growthWhile(reading)).toBeLessThan(100 * MIB);
  expect(await reading).toMatchObject({ text: 'flood prompt flood prompt', error: null });
  expect(entries.filter(({ level }) => level === 'warn').length).toBeLessThan(200);
  expect(worker.status().restarts).toBe(0);
});

it('a line of 64 MB costs the worker its life and us no memory; the prompt is answered by the next one', async () => {
  const { worker } = await pythonWorker({
    tokens: 3,
    rules: [{ match: 'giant', at: 0, do: 'giant:64MB', times: 1 }],
  });
  const reading = readRun(worker.generate(sampleRequest('giant prompt'), never));
  expect(await growthWhile(reading)).toBeLessThan(50 * MIB);
  expect(await reading).toMatchObject({ text: 'giant prompt giant', error: null });
  expect(worker.status()).toMatchObject({ restarts: 1, protocolFaults: { line_too_long: 1 } });
});

it('characters cut over many writes arrive whole', async () => {
  const text = 'Grüße 👋🏽 你好 e\u0301 \u2028 __END__ "quoted" \\n';
  const { worker } = await pythonWorker({ rules: [{ match: 'emoji', text, at: 1, do: 'half_utf8' }] });
  const answer = await readRun(worker.generate(sampleRequest('emoji'), never));
  expect(answer.text).toBe(text);
  expect(answer.text).not.toContain('\ufffd');
});

it('a prompt of many lines is one prompt, and what once was a sentinel is text', async () => {
  const { worker } = await pythonWorker({ slots: 2, tokens: 2 });
  const prompts = ['first\nline', '__END__ __READY__', '{"type":"shutdown"}\n{"type":"cancel"}', 'last one'];
  const texts = await Promise.all(
    prompts.map(async prompt => (await readRun(worker.generate(sampleRequest(prompt), never))).text),
  );
  expect(texts).toEqual(prompts.map(prompt => prompt.replace('\n', ' ')));
});

it('a NaN from the model ends that request alone', async () => {
  const { worker } = await pythonWorker({
    slots: 2,
    tokens: 4,
    rules: [{ match: 'nan', at: 2, do: 'nan' }],
  });
  const [bad, good] = await Promise.all(
    ['nan prompt', 'good prompt'].map(prompt => readRun(worker.generate(sampleRequest(prompt), never))),
  );
  expect(bad).toMatchObject({ text: 'nan prompt', error: { code: 'worker_error' } });
  expect(good).toMatchObject({ text: 'good prompt good prompt', error: null });
  expect(worker.status()).toMatchObject({ restarts: 0, protocolFaults: {} });
});

it('an exception in the model ends that request alone, and its cause is on the console', async () => {
  const { worker, entries } = await pythonWorker({
    tokens: 4,
    rules: [{ match: 'bad', at: 2, do: 'raise' }],
  });
  const bad = await readRun(worker.generate(sampleRequest('bad prompt'), never));
  expect(bad).toMatchObject({ text: 'bad prompt', error: { code: 'worker_error' } });
  expect((await readRun(worker.generate(sampleRequest('next'), never))).error).toBeNull();
  await until(() => entries.some(({ message }) => message.includes('the fault plan said so')));
  expect(bad.error?.message).not.toContain('the fault plan said so');
});

it('tokens for nobody, a second done and tokens after a cancel are dropped and counted', async () => {
  const { worker } = await pythonWorker({
    slots: 3,
    tokens: 6,
    gap_ms: 1,
    rules: [
      { match: 'stray', at: 2, do: 'wrong_id' },
      { match: 'twice', at: 2, do: 'dup_done' },
      { match: 'late', at: 1, do: 'late', tokens: 100_000 },
    ],
  });
  const controller = new AbortController();
  const late = worker.generate(sampleRequest('late answer'), controller.signal);
  const others = ['stray one', 'twice two'].map(prompt =>
    readRun(worker.generate(sampleRequest(prompt), never)),
  );
  await readRun(late, text => {
    if (text.split(' ').length > 3) controller.abort();
  });
  const outcome = await late.settled;
  expect(outcome.status).toBe('cancelled');
  expect(outcome.text).not.toContain('late0');
  expect((await Promise.all(others)).map(({ text }) => text)).toEqual([
    'stray one stray one stray one',
    'twice two twice two twice two',
  ]);
  await until(() => worker.status().protocolFaults.unknown_id === 5);
  expect((await readRun(worker.generate(sampleRequest('next'), never))).error).toBeNull();
  expect(worker.status()).toMatchObject({ running: 0, restarts: 0 });
});
