import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BackendStatus } from '../backend/backend.js';
import type { GenerationInput, Unasked } from '../domain/generation.js';
import type { GroundingAsk } from '../domain/grounding.js';
import { AppError } from '../errors.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { sampleSource } from '../testing/sample-grounding.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { type DocumentsScript, scriptedDocuments } from '../testing/scripted-documents.js';
import { createGround, type GroundParts } from './ground.js';

const ASK: GroundingAsk = { topK: null, threshold: null, isRequired: false, contextLength: null };
const REQUIRED: GroundingAsk = { ...ASK, isRequired: true };
const AWAY = new AppError('storage_unavailable', 'The database is away.', { retryAfterMs: 1_000 });
const near = () => [0.9, 0.8, 0.6].map((score, n) => sampleSource(`passage ${n}`, { score }));
const sayAll = ({ messages = [] }: GenerationInput): string =>
  messages.map(({ content }) => content).join(' ');

function fakeWorker(contextLength = 8_192) {
  let state: BackendStatus['state'] = 'ready';
  const listeners = new Set<(status: BackendStatus) => void>();
  const status = () => ({ state, fault: null, model: { context_length: contextLength } }) as BackendStatus;
  return {
    status,
    load: () => {},
    onChange: (listener: (status: BackendStatus) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** As the fake engine counts. */
    tokenize: vi.fn(async (input: GenerationInput) => sayAll(input).split(/\s+/).length),
    become: (next: BackendStatus['state']) => {
      state = next;
      for (const listener of listeners) listener(status());
    },
  } satisfies GroundParts['worker'] & { become: unknown };
}

function grounding(script: DocumentsScript | null, worker = fakeWorker()) {
  const documents = script && scriptedDocuments(script);
  const { logger, entries } = recordingLogger();
  const ground = createGround({
    documents,
    worker,
    defaults: { topK: 5, threshold: 0.7 },
    logger,
  });
  const run = (ask = ASK, request = sampleRequest('Which colour?'), signal = neverAborted()) =>
    ground(request, ask, signal);
  return { run, documents, worker, entries };
}

describe('grounding', () => {
  it('puts in what is near enough, best first, and reports it', async () => {
    const { run, documents } = grounding({ near });
    const { request, report } = await run();
    expect(sayAll(request.input)).toContain('[1] passage 0\n\n[2] passage 1\n\nQuestion: Which colour?');
    expect(report).toEqual({
      query: 'Which colour?',
      threshold: 0.7,
      sources: near().slice(0, 2),
      omitted: 0,
      notice: null,
    });
    expect(documents?.asked).toMatchObject([{ query: 'Which colour?', topK: 5 }]);
  });

  it.each([
    [0.8, 2],
    [0.800001, 1],
    [0.9, 1],
    [-1, 3],
  ])('takes the request for it: above %d there are %i', async (threshold, count) => {
    const { report } = await grounding({ near }).run({ ...ASK, threshold });
    expect(report).toMatchObject({ threshold, sources: near().slice(0, count) });
  });

  it('takes no more than were asked for', async () => {
    const { run, documents } = grounding({ near });
    expect((await run({ ...ASK, topK: 1 })).report?.sources).toHaveLength(1);
    expect(documents?.asked).toMatchObject([{ topK: 1 }]);
  });

  it('says when nothing is near enough, and how near the nearest was; the request is as it came', async () => {
    const asked = sampleRequest('Which colour?');
    const { request, report } = await grounding({ near }).run({ ...REQUIRED, threshold: 0.95 }, asked);
    expect(request).toBe(asked);
    expect(report).toMatchObject({
      sources: [],
      notice: 'No document above 0.95: the nearest passage has 0.90.',
    });
    const none = await grounding({ near: () => [] }).run();
    expect(none.report?.notice).toBe('No document above 0.7.');
    const empty = await grounding({ near: () => null }).run();
    expect(empty.report?.notice).toBe('No documents are stored.');
  });

  it('looks a follow-up up together with what was said before it, only when it alone is near nothing', async () => {
    const near = (query: string) => [sampleSource('x', { score: query.includes('library') ? 0.9 : 0.1 })];
    const { run, documents } = grounding({ near });
    const messages = ['Who built the library?', 'And when?'].map(
      content => ({ role: 'user', content }) as const,
    );
    const { report } = await run(ASK, sampleRequest('', { input: { messages } }));
    expect(documents?.asked.map(({ query }) => query)).toEqual([
      'And when?',
      'Who built the library?\nAnd when?',
    ]);
    expect(report).toMatchObject({ query: 'Who built the library?\nAnd when?', sources: [{ text: 'x' }] });
    await run(ASK, sampleRequest('Where is the library?'));
    expect(documents?.asked).toHaveLength(3);
  });

  it('lets the answer repeat what its sources say, unless the request has a penalty or a window of its own', async () => {
    const { run } = grounding({ near });
    const window = async (repetitionWindow: number, ask = ASK, unasked = ['repetitionPenalty']) => {
      const base = sampleRequest('x');
      const sampling = { ...base.sampling, repetitionWindow, unasked: unasked as Unasked[] };
      const asked = { ...base, sampling };
      return (await run(ask, asked)).request.sampling.repetitionWindow;
    };
    expect([await window(0), await window(7)]).toEqual([64, 7]);
    expect([await window(0, ASK, []), await window(0, { ...ASK, threshold: 1 })]).toEqual([0, 0]);
  });

  describe('keeps room for the answer', () => {
    // "Answer the question from these documents. [1] passage 0 [2] passage 1 Question: Which colour?": 15 words.
    it.each([
      [24, 8, 2],
      [24, 9, 2],
      [20, 5, 2],
      [20, 300, 2],
      [19, 300, 2],
      [18, 300, 1],
      [15, 1, 1],
      [16, 1, 2],
      [12, 1, 0],
      [13, 1, 1],
    ])('of %i tokens with %i asked for: %i of 2 sources stay', async (contextLength, maxTokens, kept) => {
      const base = sampleRequest('Which colour?');
      const request = { ...base, sampling: { ...base.sampling, maxTokens } };
      const { run } = grounding({ near }, fakeWorker(contextLength));
      const grounded = await run(ASK, request);
      expect(grounded.report).toMatchObject({ sources: near().slice(0, kept), omitted: 2 - kept });
      expect(grounded.report?.notice).toBe(
        [
          'None of the 2 passages that were found fits into the context beside the conversation.',
          '1 of the 2 passages that were found does not fit into the context beside the conversation.',
          null,
        ][kept],
      );
      expect(sayAll(grounded.request.input)).toContain('Which colour?');
      expect(grounded.request.sampling.maxTokens).toBe(maxTokens);
    });

    it('as far as it is known how much the context holds', async () => {
      const { run, worker } = grounding({ near }, fakeWorker(0));
      expect((await run()).report?.sources).toHaveLength(2);
      expect(worker.tokenize).not.toHaveBeenCalled();
    });

    it('within the context that the request names, the answer included', async () => {
      const base = sampleRequest('Which colour?');
      const request = { ...base, sampling: { ...base.sampling, maxTokens: 1_000 } };
      const { run } = grounding({ near });
      const { request: given } = await run({ ...ASK, contextLength: 20 }, request);
      expect(given.sampling.maxTokens).toBe(5);
      const whole = await run({ ...ASK, contextLength: 10 }, request);
      expect(whole.request).toEqual(request);
    });
  });

  describe('without documents that can be asked', () => {
    it('goes on without them and says why, unless they were required', async () => {
      const asked = sampleRequest('x');
      const { run } = grounding({ fault: AWAY });
      const { request, report } = await run(ASK, asked);
      expect(request).toBe(asked);
      expect(report).toMatchObject({
        sources: [],
        notice: 'The answer rests on no documents, as they could not be asked: The database is away.',
      });
      await expect(run(REQUIRED)).rejects.toBe(AWAY);
    });

    it('says nothing when they are switched off, unless they were required', async () => {
      const asked = sampleRequest('x');
      const { run, worker } = grounding(null);
      worker.become('starting');
      expect(await run(ASK, asked)).toEqual({ request: asked, report: null });
      await expect(run(REQUIRED)).rejects.toMatchObject({ code: 'storage_unavailable' });
    });

    it('tells the console of a fault of its own, and its reader only that there was one', async () => {
      const { run, entries } = grounding({
        near: () => {
          throw new TypeError('secret');
        },
      });
      expect((await run()).report?.notice).toMatch(/could not be asked: Internal error$/);
      expect(JSON.stringify(entries)).toContain('secret');
    });
  });

  describe('while the worker cannot be asked', () => {
    it('waits for it, and refuses at once what requires documents that are away', async () => {
      const worker = fakeWorker();
      worker.become('starting');
      const { run, documents } = grounding({ near }, worker);
      const grounded = run();
      await Promise.resolve();
      expect(documents?.asked).toEqual([]);
      worker.become('ready');
      expect((await grounded).report?.sources).toHaveLength(2);
      worker.become('starting');
      await expect(grounding({ fault: AWAY }, worker).run(REQUIRED)).rejects.toBe(AWAY);
    });

    it('counts again on the next one when it dies', async () => {
      const worker = fakeWorker();
      worker.tokenize.mockImplementationOnce(async () => {
        worker.become('restarting');
        queueMicrotask(() => worker.become('ready'));
        throw new AppError('model_loading', 'It loads.');
      });
      const { report } = await grounding({ near }, worker).run();
      expect(report?.sources).toHaveLength(2);
    });

    it('fails with it', async () => {
      const worker = fakeWorker();
      worker.become('failed');
      await expect(grounding({ near }, worker).run()).rejects.toMatchObject({ code: 'model_unavailable' });
    });
  });

  describe('ends', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });
    const hanging = { near, until: new Promise<void>(() => {}) };

    it('with its deadline when the documents hang, and leaves them', async () => {
      const { run, documents } = grounding(hanging);
      const optional = run();
      const required = expect(run(REQUIRED)).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: 'The documents gave no answer within 30 s.',
      });
      await vi.advanceTimersByTimeAsync(30_000);
      await required;
      expect((await optional).report?.notice).toContain('no answer within 30 s');
      expect(documents?.asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('when its client leaves', async () => {
      const leaver = new AbortController();
      const { run } = grounding(hanging);
      const left = expect(run(ASK, sampleRequest('x'), leaver.signal)).rejects.toMatchObject({
        code: 'cancelled',
      });
      await vi.advanceTimersByTimeAsync(10);
      leaver.abort();
      await left;
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});
