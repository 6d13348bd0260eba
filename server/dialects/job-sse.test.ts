import { describe, expect, it } from 'vitest';
import type { ClientEvent } from '../domain/job.js';
import { AppError } from '../errors.js';
import { readEvents } from '../testing/read-events.js';
import { SAMPLE_WIRE, sampleReport } from '../testing/sample-grounding.js';
import { createJobSseEncoder, JOB_EVENT_SCHEMAS } from './job-sse.js';

const context = { model: 'm', requestId: 'r1' };
const jobId = '0192f0c1';
const EVENTS: readonly ClientEvent[] = [
  { type: 'connected' },
  { type: 'job', jobId, seq: 1, event: { type: 'queued', position: 2, estimatedWaitMs: null } },
  { type: 'job', jobId, seq: 2, event: { type: 'loading', stage: 'weights', done: 1, total: 4 } },
  { type: 'job', jobId, seq: 2, event: { type: 'grounded', report: sampleReport() } },
  { type: 'job', jobId, seq: 3, event: { type: 'started', promptTokens: 3, cachedTokens: 1 } },
  { type: 'job', jobId, seq: 4, event: { type: 'token', text: 'Grüße "you"\n\u2028' } },
  { type: 'reset', jobId, seq: 4, text: 'Grüße' },
  {
    type: 'job',
    jobId,
    seq: 5,
    event: {
      type: 'done',
      reason: 'stop',
      stopSequence: null,
      usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 3 },
      timings: { queueMs: 0.5, prefillMs: 20, decodeMs: 40 },
      numerics: 'int8',
    },
  },
  {
    type: 'job',
    jobId: 'next',
    seq: 2,
    event: { type: 'error', error: { code: 'worker_crashed', message: 'gone', requestId: 'r0' } },
  },
  { type: 'forgotten' },
  { type: 'replaced' },
];

describe('job-sse', () => {
  it('writes exactly these bytes', () => {
    expect(createJobSseEncoder(context).events(EVENTS)).toBe(
      ': connected\n\n' +
        'event: queued\nid: 0192f0c1:1\nretry: 2000\ndata: {"job_id":"0192f0c1","position":2,"estimated_wait_ms":null}\n\n' +
        'event: loading\nid: 0192f0c1:2\ndata: {"job_id":"0192f0c1","stage":"weights","done":1,"total":4}\n\n' +
        `event: grounded\nid: 0192f0c1:2\ndata: ${JSON.stringify({ job_id: jobId, ...SAMPLE_WIRE })}\n\n` +
        'event: started\nid: 0192f0c1:3\ndata: {"job_id":"0192f0c1","prompt_tokens":3,"cached_tokens":1}\n\n' +
        'event: token\nid: 0192f0c1:4\ndata: {"job_id":"0192f0c1","text":"Grüße \\"you\\"\\n\\u2028"}\n\n' +
        'event: reset\nid: 0192f0c1:4\ndata: {"job_id":"0192f0c1","text":"Grüße"}\n\n' +
        'event: done\nid: 0192f0c1:5\ndata: {"job_id":"0192f0c1","model":"m","done_reason":"stop",' +
        '"usage":{"prompt_tokens":3,"cached_tokens":1,"completion_tokens":3},' +
        '"timings":{"queue_ms":0.5,"prefill_ms":20,"decode_ms":40}}\n\n' +
        'event: error\nid: next:2\ndata: {"job_id":"next",' +
        '"error":{"code":"worker_crashed","message":"gone","request_id":"r0"}}\n\n' +
        'event: reset\ndata: {"job_id":null,"text":""}\n\n' +
        'event: replaced\nretry: 86400000\ndata: {}\n\n',
    );
  });

  it('gives the same bytes however the events are batched', () => {
    const [alone, together] = [createJobSseEncoder(context), createJobSseEncoder(context)];
    expect(EVENTS.map(event => alone.events([event])).join('')).toBe(together.events(EVENTS));
  });

  it('sends what its schemas say', () => {
    const encoder = createJobSseEncoder(context);
    const { events } = readEvents(encoder.events(EVENTS) + encoder.error(new AppError('shutting_down', 'x')));
    const schemas: Record<string, { parse(value: unknown): unknown }> = JOB_EVENT_SCHEMAS;
    for (const { event, data } of events) schemas[event]?.parse(JSON.parse(data));
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(Object.keys(JOB_EVENT_SCHEMAS)));
  });

  it('tells a stream that fails with an error of no job', () => {
    expect(createJobSseEncoder(context).error(new AppError('shutting_down', 'stopping'))).toBe(
      'event: error\nretry: 2000\ndata: {"job_id":null,' +
        '"error":{"code":"shutting_down","message":"stopping","request_id":"r1"}}\n\n',
    );
  });

  it('ends with a job only when its reader wanted no more', () => {
    const { isTerminal } = createJobSseEncoder(context);
    expect(EVENTS.filter(event => isTerminal?.(event))).toEqual([{ type: 'replaced' }]);
    expect(isTerminal?.({ type: 'finished' })).toBe(true);
  });
});
