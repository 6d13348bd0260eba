// System A's wire format: NDJSON lines {"response": text}, one final line with done:true. Also its plain errors.
import type { GenerationEvent, TokenLogprob } from '../domain/generation.js';
import type { AppError } from '../errors.js';
import type { EncoderContext, StreamEncoder } from './dialect.js';
import { oneLineJson } from './one-line-json.js';
import { toWireTimings, toWireUsage } from './wire-figures.js';

const line = (value: unknown): string => `${oneLineJson(value)}\n`;

/** `error` stays a string, as the clients of system A expect it; the rest is added beside it. */
export function simpleErrorBody(error: AppError, requestId: string): Record<string, unknown> {
  return {
    error: error.message,
    code: error.code,
    ...(error.param === undefined ? {} : { param: error.param }),
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    request_id: requestId,
  };
}

function toWireLogprobs(logprobs: readonly TokenLogprob[]): unknown {
  return logprobs.map(({ token, logprob, top }) => ({ token, logprob, top_logprobs: top }));
}

/** Waiting and heartbeat lines carry an empty `response`: clients that only print it show nothing. */
export function createSimpleNdjsonEncoder({ id, model, requestId }: EncoderContext): StreamEncoder {
  const encode = (event: GenerationEvent): string => {
    switch (event.type) {
      case 'token':
        if (event.logprobs === undefined) return `{"response":${oneLineJson(event.text)}}\n`;
        return line({ response: event.text, logprobs: toWireLogprobs(event.logprobs) });
      case 'queued':
        if (event.position === 0) return '';
        return line({
          response: '',
          status: 'queued',
          position: event.position,
          estimated_wait_ms: event.estimatedWaitMs,
        });
      case 'grounded':
      case 'started':
      case 'tool_call':
        return '';
      case 'done':
        return line({
          response: '',
          done: true,
          done_reason: event.reason,
          stop_sequence: event.stopSequence,
          id,
          model,
          numerics: event.numerics,
          usage: toWireUsage(event.usage),
          timings: toWireTimings(event.timings),
        });
    }
  };
  return {
    contentType: 'application/x-ndjson; charset=utf-8',
    events: batch => {
      let text = '';
      for (const event of batch) text += encode(event);
      return text;
    },
    heartbeat: () => '{"response":""}\n',
    error: error =>
      line({
        response: '',
        done: true,
        done_reason: 'error',
        id,
        error: { code: error.code, message: error.message, request_id: requestId },
      }),
  };
}
