// What chat completions and completions do alike: all choices of a request as one answer, streamed or whole.
import type { Request, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import type { Backend } from '../backend/backend.js';
import type { StreamEncoder } from '../dialects/dialect.js';
import { type OpenAiContext, toFingerprint } from '../dialects/openai-answer.js';
import type { ChoiceEvent, ChoicesResult, GenerateRequest, GenerationEvents } from '../domain/generation.js';
import { mergeChoices } from '../generation/choices.js';
import { collectChoices } from '../generation/collect.js';
import type { Generate } from '../generation/generate.js';
import type { IdempotentRuns } from '../generation/idempotent-runs.js';
import type { ServedModels } from '../generation/served-models.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import { exchangeContextOf } from './exchange-context.js';
import { joinRun } from './joined-run.js';

export interface OpenAiRouteParts {
  readonly generate: Generate;
  readonly runs: IdempotentRuns;
  readonly timeouts: StreamTimeouts;
  readonly models: ServedModels;
  readonly worker: Pick<Backend, 'status' | 'detokenize'>;
}

export interface ChoicesAsked {
  readonly dialect: string;
  /** For each prompt its choices. */
  readonly prompts: readonly (readonly Omit<GenerateRequest, 'id'>[])[];
  /** What each generation goes through. */
  readonly through: (
    events: GenerationEvents,
    request: GenerateRequest,
    signal: AbortSignal,
  ) => GenerationEvents;
  readonly encoder: (context: OpenAiContext) => StreamEncoder<ChoiceEvent>;
  readonly answer: (result: ChoicesResult, context: OpenAiContext) => unknown;
  readonly isStreamed: boolean;
}

/** Each choice is an exchange of its own; the answer has the id of the first. */
export async function answerChoices(
  req: Request,
  res: Response,
  { generate, runs, timeouts, models, worker }: OpenAiRouteParts,
  { dialect, prompts, through, encoder, answer, isStreamed }: ChoicesAsked,
): Promise<void> {
  const scope = scopeOf(res);
  const { told: context, events } = await joinRun(req, res, runs, signal => {
    const first = uuidv7();
    const exchange = exchangeContextOf(scope, dialect);
    const starts = prompts.map((choices, prompt) =>
      choices.map((request, choice) => {
        const identified = { ...request, id: prompt + choice === 0 ? first : uuidv7() };
        return (leaving: AbortSignal) =>
          through(generate(identified, exchange, leaving), identified, leaving);
      }),
    );
    const told: OpenAiContext = {
      id: first,
      model: models.current(),
      requestId: scope.requestId,
      createdAt: new Date(),
      fingerprint: () => fingerprintOf(worker),
    };
    return { told, events: mergeChoices(starts, signal) };
  });
  const headers = { 'X-Exchange-Id': context.id };
  if (isStreamed) {
    await sendStream(res, scope, events, encoder(context), { ...timeouts, headers });
    return;
  }
  const result = await collectChoices(events);
  if (!scope.signal.aborted) res.set(headers).json(answer(result, context));
}

function fingerprintOf(worker: Pick<Backend, 'status'>): string {
  const { model } = worker.status();
  // The engines tell as dtype what they compute in.
  return toFingerprint({ digest: model?.digest ?? 'unknown', numerics: model?.dtype ?? 'unknown' });
}
