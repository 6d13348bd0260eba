// What is in force where a client leaves a parameter out: one place for every format. Knows no field's name in any.
import type { Sampling, Unasked } from '../domain/generation.js';

/**
 * Temperature and top_p as SmolLM2-Instruct recommends. Without a repetition penalty three of ten answers of the
 * packaged model loop for ever (a third of all 4-grams repeated); with 1.1 a fifth of a percent are, and 1.2 breaks code.
 */
export const RECOMMENDED = { temperature: 0.2, topP: 0.9, topK: 50, repetitionPenalty: 1.1 } as const;

/** More than any model's context: the engine ends the answer where the context does. */
const NO_LIMIT = 100_000;

/** The parameters of a client that has named none. @param seed drawn by the gateway */
export function defaultSampling(seed: number): Sampling {
  return {
    maxTokens: NO_LIMIT,
    ...RECOMMENDED,
    minP: 0,
    typicalP: 1,
    repetitionWindow: 0,
    presencePenalty: 0,
    frequencyPenalty: 0,
    seed,
    stop: [],
    logprobs: null,
    logitBias: {},
    constraint: null,
  };
}

const NAMES = ['temperature', 'topP', 'topK', 'repetitionPenalty'] as const satisfies readonly Unasked[];

/** @param asked what the client said, by our names */
export function unaskedOf(asked: Readonly<Partial<Record<Unasked, unknown>>>): readonly Unasked[] {
  return NAMES.filter(name => asked[name] == null);
}

export interface Chosen {
  readonly temperature: number | null | undefined;
  readonly topP: number | null | undefined;
}

/**
 * For formats whose clients steer by temperature and top_p alone (OpenAI, Anthropic): one that sets either gets exactly
 * that, with everything the format does not have switched off and the other at the format's own default of 1.
 */
export function chosenSampling({
  temperature,
  topP,
}: Chosen): Pick<Sampling, 'temperature' | 'topP' | 'topK' | 'repetitionPenalty'> {
  const isChosen = (temperature ?? topP ?? null) !== null;
  if (!isChosen) return RECOMMENDED;
  return { temperature: temperature ?? 1, topP: topP ?? 1, topK: 0, repetitionPenalty: 1 };
}
