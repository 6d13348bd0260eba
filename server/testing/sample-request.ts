// A request with every parameter in force, for tests that only care about its prompt.
import { setMaxListeners } from 'node:events';
import type { GenerateRequest } from '../domain/generation.js';

let count = 0;

/** Ids differ from call to call. */
export function sampleRequest(
  prompt = 'one two three',
  fields: Partial<GenerateRequest> = {},
): GenerateRequest {
  count += 1;
  return {
    id: `0192f0c1-0000-7000-8000-${String(count).padStart(12, '0')}`,
    input: { messages: [{ role: 'user', content: prompt }] },
    sampling: {
      maxTokens: 300,
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      typicalP: 1,
      repetitionWindow: 0,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      seed: 7,
      stop: [],
      logprobs: null,
      logitBias: {},
      constraint: null,
    },
    ...fields,
  };
}

/** A signal that many runs may share. */
export function neverAborted(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}
