import { describe, expect, it } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { neverAborted } from '../testing/sample-request.js';
import { passAlive, READY, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { GatewayMessage } from './protocol.js';

useFakeClock();

const never = neverAborted();
const CUT = { truncate: true };

function asked(child: ScriptedProcess): Extract<GatewayMessage, { type: 'embed' }>[] {
  return child.received.filter(message => message.type === 'embed');
}

/** Answers the latest question: text n of all gets the vector [n]. */
function answer(child: ScriptedProcess, first = 0): void {
  const { id, inputs } = asked(child).at(-1) ?? { id: '', inputs: [] };
  const numbers = Float32Array.from(inputs, (_, at) => first + at);
  child.say({
    type: 'embeddings',
    id,
    vectors: Buffer.from(numbers.buffer).toString('base64'),
    dimensions: 1,
    tokens: inputs.map(() => 1),
    truncated: inputs.map(() => false),
  });
}

describe('embed', () => {
  it('asks batch after batch and puts the vectors together', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    const texts = Array.from({ length: 70 }, (_, n) => `${n}`);
    const embedded = worker.embed(texts, CUT, never);
    await soon();
    expect(asked(current())).toEqual([
      { type: 'embed', id: expect.any(String), inputs: texts.slice(0, 64), truncate: true },
    ]);
    answer(current());
    await soon();
    answer(current(), 64);
    expect((await embedded).map(({ vector }) => vector[0])).toEqual(texts.map(Number));
  });

  it('waits for a worker that loads', async () => {
    const { worker, current } = scriptedWorker(() => {});
    const embedded = worker.embed(['a'], CUT, never);
    await soon();
    expect(current().received).toEqual([]);
    current().say(READY);
    await soon();
    answer(current());
    expect(await embedded).toHaveLength(1);
  });

  it('asks the next worker for the batch that died with the first, and for no other', async () => {
    const { worker, processes, current } = scriptedWorker();
    await soon();
    const embedded = worker.embed(
      Array.from({ length: 65 }, (_, n) => `${n}`),
      CUT,
      never,
    );
    await soon();
    answer(current());
    await soon();
    current().end({ code: 1 });
    await pass(1_000);
    expect(processes.map(child => asked(child).map(({ inputs }) => inputs.length))).toEqual([[64, 1], [1]]);
    answer(current(), 64);
    expect(await embedded).toHaveLength(65);
  });

  it('fails with what the second death was', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    const embedded = worker.embed(['a'], CUT, never);
    const failed = expect(embedded).rejects.toMatchObject({ code: 'worker_crashed' });
    await soon();
    current().end({ code: 1 });
    await pass(1_000);
    current().end({ code: 1 });
    await failed;
  });

  it('tells the worker to stop when its asker leaves, and takes its last word', async () => {
    const { worker, current } = scriptedWorker();
    await soon();
    const leaving = new AbortController();
    const embedded = worker.embed(['a'], CUT, leaving.signal);
    const failed = expect(embedded).rejects.toMatchObject({ code: 'cancelled' });
    await soon();
    leaving.abort();
    await failed;
    await soon();
    const { id } = asked(current())[0] ?? { id: '' };
    expect(current().received.at(-1)).toEqual({ type: 'cancel', id });
    current().say({ type: 'error', id, code: 'cancelled', message: 'The client left.' });
    await soon();
    expect(worker.status().protocolFaults).toEqual({});
  });

  it('leaves while it waits for a worker, and leaves nothing behind', async () => {
    const { worker, current } = scriptedWorker(() => {});
    const leaving = new AbortController();
    const embedded = worker.embed(['a'], CUT, leaving.signal);
    leaving.abort();
    await expect(embedded).rejects.toMatchObject({ code: 'cancelled' });
    current().say(READY);
    await soon();
    expect(current().received).toEqual([]);
  });

  it('gives up on a worker that does not answer, and tells it to stop', async () => {
    const { worker, current } = scriptedWorker(child => child.say(READY), { firstTokenTimeoutMs: 20_000 });
    await soon();
    const failed = expect(worker.embed(['a'], CUT, never)).rejects.toMatchObject({
      code: 'generation_timeout',
    });
    await passAlive(current(), 21_000);
    await failed;
    expect(current().received.at(-1)?.type).toBe('cancel');
  });

  it('is refused where there is no worker to wait for', async () => {
    const { worker, current } = scriptedWorker(() => {});
    const failed = expect(worker.embed(['a'], CUT, never)).rejects.toMatchObject({
      code: 'model_unavailable',
    });
    current().say({ type: 'error', id: null, code: 'model_unavailable', message: 'No model.' });
    await failed;
    await expect(worker.embed(['a'], CUT, never)).rejects.toMatchObject({ code: 'model_unavailable' });
  });
});
