import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { doneMessage, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import { until } from '../testing/until.js';
import type { WorkerMessage } from './protocol.js';
import { MAX_UNREAD_LENGTH } from './run.js';

const never = neverAborted();
const started = (id: string): WorkerMessage => ({ type: 'started', id, prompt_tokens: 3, cached_tokens: 1 });
const tokens = (id: string, text: string): WorkerMessage => ({ type: 'tokens', items: [[id, text, 1]] });

/** A ready worker and one run that was sent to it. */
async function openRun(signal: AbortSignal = never) {
  const scripted = scriptedWorker();
  const request = sampleRequest();
  const run = scripted.worker.generate(request, signal);
  await until(() => scripted.current().generated().length === 1);
  return { ...scripted, child: scripted.current(), id: request.id, run };
}

const cancelsOf = (child: ScriptedProcess): string[] =>
  child.received.flatMap(message => (message.type === 'cancel' ? [message.id] : []));

describe('an answer', () => {
  it('is told as started, tokens and done, and settles with all of it', async () => {
    const { child, id, run } = await openRun();
    child.answer(id, ['Grü', 'ße', ' 👋']);
    const { events, text } = await readRun(run);
    expect(text).toBe('Grüße 👋');
    expect(events.map(event => event.type)).toEqual(['started', 'token', 'token', 'token', 'done']);
    expect(await run.settled).toEqual({
      status: 'completed',
      reason: 'stop',
      error: null,
      text: 'Grüße 👋',
      usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 3 },
      timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
      numerics: 'none',
    });
  });

  it('comes in as few batches as the pipe brought it', async () => {
    const { child, id, run } = await openRun();
    const line = `${JSON.stringify(tokens(id, 'x'))}\n`;
    child.say(line.repeat(500), `${JSON.stringify(doneMessage(id, 500))}\n`);
    const { batches, text } = await readRun(run);
    expect(text).toBe('x'.repeat(500));
    expect(batches).toBeLessThanOrEqual(2);
  });

  it('carries log-probabilities along', async () => {
    const { child, id, run } = await openRun();
    child.say({ type: 'tokens', items: [[id, 'a', 1, [['a', -0.25, [['b', -1.5]]]]]] }, doneMessage(id, 1));
    const { events } = await readRun(run);
    const logprobs = [{ token: 'a', logprob: -0.25, top: [{ token: 'b', logprob: -1.5 }] }];
    expect(events[0]).toEqual({ type: 'token', text: 'a', tokens: 1, logprobs });
  });

  it('is not lost when the client is slow', async () => {
    const { child, id, run } = await openRun();
    child.answer(id, ['a', 'b', 'c']);
    await run.settled;
    expect((await readRun(run)).text).toBe('abc');
  });

  it('never reaches another run, in whatever order the tokens of many come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.string({ maxLength: 3 })), { maxLength: 80 }),
        fc.integer({ min: 1, max: 7 }),
        async (pieces, perLine) => {
          const { worker, current } = scriptedWorker();
          const requests = Array.from({ length: 6 }, () => sampleRequest());
          const runs = requests.map(request => worker.generate(request, never));
          await until(() => current().generated().length === 6);
          const items = pieces.map(([n, text]): [string, string, number] => [requests[n]?.id ?? '', text, 1]);
          for (let i = 0; i < items.length; i += perLine) {
            current().say({ type: 'tokens', items: items.slice(i, i + perLine) });
          }
          for (const { id } of requests) current().say(doneMessage(id, 1));
          const texts = await Promise.all(runs.map(async run => (await readRun(run)).text));
          const expected = requests.map((_, n) =>
            pieces.map(([owner, text]) => (owner === n ? text : '')).join(''),
          );
          expect(texts).toEqual(expected);
          expect(await Promise.all(runs.map(async run => (await run.settled).text))).toEqual(expected);
        },
      ),
      { numRuns: 40, seed: 3 },
    );
  });
});

describe('a failed answer', () => {
  it.each([
    ['context_length_exceeded', 'context_length_exceeded'],
    ['some_python_thing', 'worker_error'],
    ['toString', 'worker_error'],
  ])('that the worker calls %s is %s, with the text so far', async (code, expected) => {
    const { child, id, run } = await openRun();
    child.say(started(id), tokens(id, 'half'), { type: 'error', id, code, message: 'why' });
    const { text, error } = await readRun(run);
    expect(text).toBe('half');
    expect(error).toMatchObject({ code: expected, message: 'why' });
    expect(await run.settled).toMatchObject({ status: 'failed', reason: null, text: 'half', error });
  });
});

describe('a cancel', () => {
  it('ends the stream at once though the worker is silent, and settles with the acknowledgement', async () => {
    const controller = new AbortController();
    const { child, id, run } = await openRun(controller.signal);
    child.say(started(id), tokens(id, 'half'));
    let isSettled = false;
    void run.settled.then(() => {
      isSettled = true;
    });
    const reading = readRun(run, text => {
      if (text === 'half') controller.abort();
    });
    const { events, error } = await reading;
    expect(error).toBeNull();
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      reason: 'cancelled',
      usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 1 },
    });
    await until(() => cancelsOf(child).length > 0);
    expect(isSettled).toBe(false);
    child.say(tokens(id, ' more'), doneMessage(id, 2, 'cancelled'));
    expect(await run.settled).toMatchObject({ status: 'cancelled', reason: 'cancelled', text: 'half more' });
    expect(cancelsOf(child)).toEqual([id]);
  });

  it('may be overtaken by the end of the answer', async () => {
    const controller = new AbortController();
    const { child, id, run, worker } = await openRun(controller.signal);
    controller.abort();
    child.answer(id, ['all']);
    expect(await run.settled).toMatchObject({ status: 'cancelled', text: 'all' });
    expect(worker.status().protocolFaults).toEqual({});
  });

  it('means nothing after the end', async () => {
    const controller = new AbortController();
    const { child, id, run, worker } = await openRun(controller.signal);
    child.answer(id, ['all']);
    await run.settled;
    controller.abort();
    expect((await readRun(run)).events.at(-1)).toMatchObject({ type: 'done', reason: 'stop' });
    worker.generate(sampleRequest(), never);
    await until(() => child.generated().length === 2);
    expect(cancelsOf(child)).toEqual([]);
  });

  it('of a client that just stops reading is sent as well', async () => {
    const { child, id, run } = await openRun();
    child.say(started(id), tokens(id, 'half'));
    for await (const _batch of run.events) break;
    await until(() => cancelsOf(child).length === 1);
    child.say(doneMessage(id, 1, 'cancelled'));
    expect(await run.settled).toMatchObject({ status: 'cancelled', text: 'half' });
  });

  it('before a worker is ready keeps the prompt from it', async () => {
    const { worker, current } = scriptedWorker(() => {});
    const controller = new AbortController();
    const runs = [
      worker.generate(sampleRequest(), controller.signal),
      worker.generate(sampleRequest(), never),
    ];
    controller.abort();
    const [cancelled] = runs;
    expect(await cancelled?.settled).toMatchObject({ status: 'cancelled', text: '', usage: null });
    const early = worker.generate(sampleRequest(), AbortSignal.abort());
    expect((await readRun(early)).events).toMatchObject([{ type: 'done', reason: 'cancelled' }]);
    expect(await early.settled).toMatchObject({ status: 'cancelled' });
    expect(current().received).toEqual([]);
  });

  it('sent by a slow client whose unread text passes the limit fails it, with all text kept', async () => {
    const { child, id, run } = await openRun();
    const block = 'x'.repeat(64 * 1024);
    child.say(started(id));
    for (let i = 0; i <= MAX_UNREAD_LENGTH / block.length; i++) child.say(tokens(id, block));
    await until(() => cancelsOf(child).length === 1);
    const { error, text } = await readRun(run);
    expect(error?.code).toBe('client_too_slow');
    expect(text).toBe('');
    child.say(doneMessage(id, 17, 'cancelled'));
    const outcome = await run.settled;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'client_too_slow' } });
    expect(outcome.text.length).toBe(17 * block.length);
  });
});

describe('what the worker should not have sent', () => {
  it('is counted and harms nobody: unknown ids, a second done, late tokens, a second started', async () => {
    const { child, id, run, worker } = await openRun();
    const other = sampleRequest();
    const otherRun = worker.generate(other, never);
    child.say(tokens('nobody', 'lost'), started(id), started(id), tokens(id, 'mine'));
    child.say(doneMessage(id, 1), doneMessage(id, 1), tokens(id, 'late'), started(id));
    child.say({ type: 'error', id: 'nobody', code: 'worker_error', message: '' });
    child.say({ type: 'tokenized', id: 'nobody', tokens: 1 });
    child.answer(other.id, ['yours']);
    expect((await readRun(run)).text).toBe('mine');
    expect((await readRun(otherRun)).text).toBe('yours');
    expect(worker.status().protocolFaults).toEqual({ unknown_id: 6, out_of_turn: 1 });
  });
});

describe('tokens without text', () => {
  it('are told with the first text, so that a second worker cannot tell them twice', async () => {
    const { processes, current, id, run, child } = await openRun();
    child.say(started(id), tokens(id, ''));
    child.end({ code: 139 });
    await until(() => processes.length === 2 && current().generated().length === 1);
    current().say(started(id), tokens(id, ''), tokens(id, ''), tokens(id, '👋'), doneMessage(id, 3));
    const { events } = await readRun(run);
    expect(events.map(event => event.type)).toEqual(['started', 'token', 'token', 'token', 'done']);
  });

  it('are told with the end when no text came at all', async () => {
    const { child, id, run } = await openRun();
    child.say(started(id), tokens(id, ''), doneMessage(id, 1));
    expect((await readRun(run)).events.map(event => event.type)).toEqual(['started', 'token', 'done']);
  });
});

it('leaves no listener behind after a thousand runs, however they end', async () => {
  const { worker, current } = scriptedWorker();
  await until(() => worker.status().state === 'ready');
  const child = current();
  child.onReceive = message => {
    if (message.type === 'generate' && !('prompt' in message)) child.answer(message.id, ['a']);
    if (message.type === 'cancel') child.say(doneMessage(message.id, 0, 'cancelled'));
  };
  const counts = (): number[] =>
    [child.stdin, child.stdout, child.stderr].map(stream =>
      stream.eventNames().reduce((sum, name) => sum + stream.listenerCount(name), 0),
    );
  const before = counts();
  const shared = new AbortController();
  for (let i = 0; i < 500; i++) {
    await readRun(worker.generate(sampleRequest(), shared.signal));
    const aborted = new AbortController();
    const run = worker.generate(sampleRequest('', { input: { prompt: 'silent' } }), aborted.signal);
    aborted.abort();
    await run.settled;
    expect(getEventListeners(aborted.signal, 'abort')).toHaveLength(0);
  }
  expect(getEventListeners(shared.signal, 'abort')).toHaveLength(0);
  expect(counts()).toEqual(before);
  expect(worker.status().running).toBe(0);
});
