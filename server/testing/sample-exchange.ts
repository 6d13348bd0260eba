// An exchange with something in every field, for tests of what keeps exchanges.
import type { Exchange } from '../domain/exchange.js';

export function sampleExchange(fields: Partial<Exchange> = {}): Exchange {
  return {
    timestamp: '2026-11-21T12:00:00.000Z',
    prompt: 'Why is the sky blue?',
    response: 'Because of Rayleigh scattering.',
    id: '0192f0c1-0000-7000-8000-000000000001',
    status: 'completed',
    reason: 'stop',
    error: null,
    dialect: 'simple-ndjson',
    caller: null,
    model: { id: 'smollm2-135m-instruct', digest: 'sha256:00' },
    engine: 'fake',
    numerics: 'none',
    input: null,
    grounding: null,
    replayOf: null,
    chatId: null,
    parameters: {
      maxTokens: 300,
      temperature: 0.2,
      topP: 0.9,
      topK: 50,
      minP: 0,
      typicalP: 1,
      repetitionWindow: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      seed: 7,
      stop: ['\n\n'],
      logprobs: null,
      logitBias: {},
      constraint: null,
    },
    usage: { promptTokens: 31, cachedTokens: 0, completionTokens: 42 },
    timings: { queueMs: 0.4, prefillMs: 61.5, decodeMs: 1400.25 },
    requestId: 'request-1',
    ...fields,
  };
}
