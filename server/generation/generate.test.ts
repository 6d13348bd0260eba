import { describe, expect, it, vi } from 'vitest';
import type { BackendRun, RunOutcome } from '../backend/backend.js';
import type { GenerateRequest, GenerationEvent } from '../domain/generation.js';
import type { GroundingAsk } from '../domain/grounding.js';
import type { GenerationRecorder } from '../domain/recorder.js';
import { AppError } from '../errors.js';
import { silentLogger } from '../log.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { sampleRequest } from '../testing/sample-request.js';
import { until } from '../testing/until.js';
import type { Worker } from '../worker/worker.js';
import { Admission } from './admission.js';
import { createDeferred } from './deferred.js';
import { createGenerate, type GeneratorParts } from './generate.js';
import { createGround, type Ground, type Grounded } from './ground.js';
import { LiveExchanges } from './live-exchanges.js';

const worker = {
  status: () => ({ state: 'ready', model: { context_length: 1_000_000 } }),
  load: () => {},
  check: () => {},
  generate: () => {
    throw new Error('must not be reached');
  },
} as unknown as Worker;

const context = { dialect: 'd', caller: null, requestId: 'r' };

const nothing = createGround({
  documents: null,
  worker,
  defaults: { topK: 5, threshold: 0.7 },
  logger: silentLogger(),
});

const CANCELLED: RunOutcome = {
  status: 'cancelled',
  reason: 'cancelled',
  text: 'a',
  usage: null,
  timings: null,
  numerics: null,
  error: null,
};

async function* sayOnce(): AsyncGenerator<readonly GenerationEvent[]> {
  yield [{ type: 'token', text: 'a', tokens: 1 }];
}

function start(
  admission: Admission,
  ground: Ground = nothing,
  fields: Partial<GenerateRequest> = {},
  parts: Partial<GeneratorParts> = {},
) {
  const log = { append: () => Promise.resolve() };
  const logger = silentLogger();
  const generate = createGenerate({
    admission,
    live: new LiveExchanges(),
    worker,
    ground,
    log,
    logger,
    recorder: SILENT_RECORDER,
    queuedIntervalMs: 5,
    generationTimeoutMs: 60_000,
    ...parts,
  });
  return generate(sampleRequest('x', fields), context, new AbortController().signal)[Symbol.asyncIterator]();
}

it('gives back a slot that was granted while the reader held an event, and then left', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
  const events = start(admission);
  expect((await events.next()).value).toEqual([{ type: 'queued', position: 1, estimatedWaitMs: null }]);
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
  expect((await events.next()).value).toEqual([{ type: 'queued', position: 0, estimatedWaitMs: 0 }]);
  await expect(events.next()).rejects.toThrow('must not be reached');
  await admission.idle();
  expect(admission.running).toBe(0);
});

it('tells the console when what has ended cannot be settled, also where nobody reads it any more', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
  admission.open(1);
  const { logger, entries } = recordingLogger();
  const ended = createDeferred<RunOutcome>();
  const run = { events: sayOnce(), settled: ended.promise, tokens: 1 } as unknown as BackendRun;
  const recorder: GenerationRecorder = {
    ...SILENT_RECORDER,
    exchange: dialect => ({
      ...SILENT_RECORDER.exchange(dialect),
      ended: () => {
        throw new Error('no figure');
      },
    }),
  };
  const events = start(
    admission,
    nothing,
    {},
    { worker: { ...worker, generate: () => run }, logger, recorder },
  );
  await events.next();
  await events.next();
  await events.return?.();
  ended.resolve(CANCELLED);
  await until(() => entries.some(({ message }) => message === 'An exchange could not be settled'));
  await admission.idle();
});

it('refuses at once when the line is full', async () => {
  const admission = new Admission({ maxWaiting: 0, waitTimeoutMs: 1_000 });
  await expect(start(admission).next()).rejects.toMatchObject({ code: 'queue_full' });
});

describe('a request that is to rest on documents', () => {
  const grounding: GroundingAsk = { topK: null, threshold: null, isRequired: true, contextLength: null };
  const open = (): Admission => {
    const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 1_000 });
    admission.open(1);
    return admission;
  };

  it('holds no slot while it is looked up, and tells what came of it before the first event', async () => {
    const admission = open();
    const found = createDeferred<Grounded>();
    const events = start(admission, () => found.promise, { grounding });
    const first = events.next();
    await new Promise(resolve => setImmediate(resolve));
    expect([admission.running, admission.waiting]).toEqual([0, 1]);
    found.resolve({ request: sampleRequest(), report: null });
    expect((await first).value).toEqual([{ type: 'queued', position: 0, estimatedWaitMs: 0 }]);
    await events.return?.();
    await admission.idle();
  });

  it('is refused before any event when it cannot be', async () => {
    const admission = open();
    const fault = new AppError('storage_unavailable', 'away');
    const events = start(admission, () => Promise.reject(fault), { grounding });
    await expect(events.next()).rejects.toBe(fault);
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('ends its lookup when its reader leaves', async () => {
    const admission = open();
    admission.pause();
    let given: AbortSignal | undefined;
    const ground: Ground = (_request, _ask, signal) => {
      given = signal;
      return new Promise(() => {});
    };
    vi.spyOn(worker, 'status').mockReturnValueOnce({ ...worker.status(), state: 'starting' });
    vi.spyOn(worker, 'status').mockReturnValueOnce({ ...worker.status(), state: 'starting' });
    const events = start(admission, ground, { grounding });
    expect((await events.next()).value).toEqual([{ type: 'queued', position: 1, estimatedWaitMs: null }]);
    expect(given?.aborted).toBe(false);
    await events.return?.();
    expect([given?.aborted, admission.waiting]).toEqual([true, 0]);
  });
});
