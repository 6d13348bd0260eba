// Generations that tests play by hand: each waits for what the test lets it say next.
import type { GenerateRequest, GenerationEvent } from '../domain/generation.js';
import { AppError } from '../errors.js';
import type { Generate } from '../generation/generate.js';

export const DONE = {
  type: 'done',
  reason: 'stop',
  stopSequence: null,
  usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
  numerics: 'int8',
} satisfies GenerationEvent;

export interface ScriptedRun {
  readonly request: GenerateRequest;
  readonly signal: AbortSignal;
  say(...events: GenerationEvent[]): void;
  /** One `token` each. */
  write(...texts: string[]): void;
  end(): void;
  fail(error: AppError): void;
}

export interface ScriptedGenerate {
  readonly generate: Generate;
  /** In the order they were asked for. */
  readonly runs: ScriptedRun[];
}

/** Every run is `queued` at once, and fails with `cancelled` when its signal is aborted. */
export function scriptedGenerate(): ScriptedGenerate {
  const runs: ScriptedRun[] = [];
  async function* generate(request: GenerateRequest, _context: unknown, signal: AbortSignal) {
    const batches: GenerationEvent[][] = [[{ type: 'queued', position: runs.length, estimatedWaitMs: null }]];
    let failure: AppError | null = null;
    let wake = (): void => {};
    const say = (...events: GenerationEvent[]): void => {
      batches.push(events);
      wake();
    };
    const fail = (error: AppError): void => {
      failure = error;
      wake();
    };
    runs.push({
      request,
      signal,
      say,
      write: (...texts) => say(...texts.map(text => ({ type: 'token', text, tokens: 1 }) as const)),
      end: () => say(DONE),
      fail,
    });
    signal.addEventListener('abort', () => fail(new AppError('cancelled', 'The client left.')));
    for (;;) {
      const batch = batches.shift();
      if (batch !== undefined) {
        yield batch;
        if (batch.at(-1)?.type === 'done') return;
      } else if (failure !== null) throw failure;
      else
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    }
  }
  return { generate, runs };
}
