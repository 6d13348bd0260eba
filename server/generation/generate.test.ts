import { expect, it } from 'vitest';
import { silentLogger } from '../log.js';
import { sampleRequest } from '../testing/sample-request.js';
import type { Worker } from '../worker/worker.js';
import { Admission } from './admission.js';
import { createGenerate } from './generate.js';

const worker = {
  status: () => ({ state: 'ready', model: { context_length: 1_000_000 } }),
  load: () => {},
  check: () => {},
  generate: () => {
    throw new Error('must not be reached');
  },
} as unknown as Worker;

const context = { dialect: 'd', caller: null, requestId: 'r' };

function start(admission: Admission) {
  const log = { append: () => Promise.resolve() };
  const generate = createGenerate({ admission, worker, log, logger: silentLogger(), queuedIntervalMs: 5 });
  return generate(sampleRequest(), context, new AbortController().signal)[Symbol.asyncIterator]();
}

it('gives back a slot that was granted while the reader held an event, and then left', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
  const events = start(admission);
  expect((await events.next()).value).toEqual([{ type: 'queued', position: 1 }]);
  admission.open(1);
  expect(admission.running).toBe(1);
  await events.return?.();
  await admission.idle();
  expect([admission.running, admission.waiting]).toEqual([0, 0]);
});

it('leaves the line when the reader leaves it', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
  const events = start(admission);
  await events.next();
  await events.return?.();
  expect(admission.waiting).toBe(0);
});

it('gives back the slot when the worker cannot even be asked', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
  admission.open(1);
  const events = start(admission);
  expect((await events.next()).value).toEqual([{ type: 'queued', position: 0 }]);
  await expect(events.next()).rejects.toThrow('must not be reached');
  await admission.idle();
  expect(admission.running).toBe(0);
});

it('refuses at once when the line is full', async () => {
  const admission = new Admission({ maxWaiting: 0, waitTimeoutMs: 1_000 });
  await expect(start(admission).next()).rejects.toMatchObject({ code: 'queue_full' });
});
