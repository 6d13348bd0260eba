// The same request again: does the model still say what it said? Knows neither where exchanges are kept nor the client.
import type { Backend } from '../backend/backend.js';
import type { Exchange } from '../domain/exchange.js';
import type { Result } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { collect } from './collect.js';
import { diffWords, type FirstDifference, findFirstDifference, type WordChange } from './compare-answers.js';
import type { Generate } from './generate.js';
import type { ExchangeContext } from './record.js';
import type { Residency } from './residency.js';

const UNKNOWN = 'unknown';

export interface ReplayParts {
  readonly generate: Generate;
  readonly worker: Pick<Backend, 'status'>;
  readonly residency: Pick<Residency, 'ready'>;
}

export interface ReplayOptions {
  /** Of the new exchange. */
  readonly id: string;
  readonly context: ExchangeContext;
  /** Also with another model than the one that answered first. */
  readonly isForced: boolean;
}

/** Something that must be the same for a seed to repeat its answer, and is not. */
export interface OtherCondition {
  readonly name: 'model' | 'engine' | 'numerics';
  readonly original: string | null;
  readonly replay: string | null;
}

export interface Replay {
  readonly result: Result;
  readonly isEqual: boolean;
  /** The first answer was cut, so the second is compared only as far as that went. */
  readonly isOriginalCut: boolean;
  readonly otherConditions: readonly OtherCondition[];
  readonly firstDifference: FirstDifference | null;
  readonly changes: readonly WordChange[] | null;
}

/**
 * Runs as any generation does, and is logged as one.
 * @throws AppError model_changed when another model is served and that is not forced; whatever a generation throws.
 */
export async function replay(
  { generate, worker, residency }: ReplayParts,
  original: Exchange,
  { id, context, isForced }: ReplayOptions,
  signal: AbortSignal,
): Promise<Replay> {
  if (worker.status().model === null) await residency.ready(signal);
  if (!isForced) requireSameModel(original, worker);
  const input = original.input ?? { messages: [{ role: 'user', content: original.prompt }] };
  const request = { id, input, sampling: original.parameters };
  const result = await collect(generate(request, { ...context, replayOf: original.id }, signal));
  const isOriginalCut = original.status !== 'completed';
  const text = isOriginalCut ? result.text.slice(0, original.response.length) : result.text;
  const firstDifference = findFirstDifference(original.response, text);
  return {
    result,
    isEqual: firstDifference === null,
    isOriginalCut,
    otherConditions: findOtherConditions(original, result, worker),
    firstDifference,
    changes: firstDifference && (await diffWords(original.response, text)),
  };
}

function requireSameModel({ model: original }: Exchange, worker: Pick<Backend, 'status'>): void {
  const { model } = worker.status();
  if (model === null || isSameModel(original, model)) return;
  throw new AppError(
    'model_changed',
    `It was answered by "${original.id}" (${original.digest}); "${model.id}" (${model.digest}) is served now. ?force=true replays it all the same.`,
    { param: 'force' },
  );
}

/** A digest that nobody knows proves nothing: there the name must do. */
function isSameModel(one: Exchange['model'], other: Exchange['model']): boolean {
  return one.digest === other.digest && (one.digest !== UNKNOWN || one.id === other.id);
}

function findOtherConditions(
  original: Exchange,
  { numerics }: Result,
  worker: Pick<Backend, 'status'>,
): readonly OtherCondition[] {
  const { model, engine } = worker.status();
  const conditions = [
    { name: 'model', original: original.model.digest, replay: model?.digest ?? null },
    { name: 'engine', original: original.engine, replay: engine },
    { name: 'numerics', original: original.numerics, replay: numerics },
  ] as const;
  // An answer that was cut never told what it was computed in.
  return conditions.filter(
    condition => condition.original !== null && condition.original !== condition.replay,
  );
}
