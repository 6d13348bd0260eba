// Texts to vectors by another server's /embeddings. Knows no queue; what it cannot count it estimates.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbedBackend } from '../backend/backend.js';
import type { Config } from '../config.js';
import type { Embedding, EmbedInput, EmbedOptions } from '../domain/embedding.js';
import type { EmbedderFacts } from '../domain/model-facts.js';
import { AppError } from '../errors.js';
import { estimateTokens } from './token-estimate.js';
import { traceHeaders } from './trace-headers.js';
import { createUpstreamClient } from './upstream-client.js';
import { toFailure } from './upstream-failure.js';
import { toCount } from './upstream-parts.js';

/** Of one request: well within what OpenAI takes (2,048 texts, 300,000 tokens). */
const BATCH_TEXTS = 128;
const BATCH_TOKENS = 100_000;
/** 128 vectors of 3,072 numbers, as JSON, are some 5 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_RETRIES = 2;
const FIRST_BACKOFF_MS = 500;
/** Of OpenAI's embedders; other servers refuse what is too long for theirs by themselves. */
const CONTEXT_LENGTH = 8_191;
const TOKENIZER = 'cl100k_base';

export interface OpenAiEmbedderOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** Of one request, all of its answer. */
  readonly timeoutMs: number;
}

/** Its vectors' length is known once it has made one. */
export function createOpenAiEmbedder({
  baseUrl,
  apiKey,
  model,
  timeoutMs,
}: OpenAiEmbedderOptions): EmbedBackend {
  const client = createUpstreamClient({ baseUrl, apiKey, timeoutMs, maxRecordBytes: MAX_ANSWER_BYTES });
  const context = { url: baseUrl.replace(/\/$/, ''), model, apiKey };
  const ended = new AbortController();
  let embedder: EmbedderFacts | null = null;

  async function ask(
    batch: readonly EmbedInput[],
    { trace }: Pick<EmbedOptions, 'trace'>,
    signal: AbortSignal,
  ): Promise<Embedding[]> {
    const limits = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(timeoutMs)]);
    // The client takes texts or ids, never both.
    const input = batch.every(each => typeof each === 'string')
      ? batch
      : batch.map(each => [...(each as number[])]);
    const answer = await client.embeddings.create(
      { model, input: input as string[] | number[][], encoding_format: 'float' },
      { signal: limits, headers: traceHeaders(trace) },
    );
    const { data, usage } = answer;
    if (!Array.isArray(data)) {
      throw new AppError(
        'upstream_error',
        `${context.url} answered what are no vectors. Is OPENAI_BASE_URL right?`,
      );
    }
    const vectors = data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => toUnit(embedding));
    const dimensions = embedder?.dimensions ?? vectors[0]?.length ?? 0;
    if (
      vectors.length !== batch.length ||
      vectors.some(({ length }) => length !== dimensions || length === 0)
    ) {
      const message = `${context.url} answered ${vectors.length} vectors to ${batch.length} texts, or vectors of other lengths than before.`;
      throw new AppError('upstream_error', message);
    }
    embedder ??= toFacts(model, dimensions);
    const tokens = shareOut(toCount(usage?.prompt_tokens), batch);
    return vectors.map((vector, at) => ({ vector, tokens: tokens[at] ?? 0, isTruncated: false }));
  }

  async function askAgain(
    batch: readonly EmbedInput[],
    options: Pick<EmbedOptions, 'trace'>,
    signal: AbortSignal,
  ): Promise<Embedding[]> {
    for (let tried = 0; ; tried++) {
      try {
        return await ask(batch, options, signal);
      } catch (thrown) {
        if (signal.aborted) throw new AppError('cancelled', 'The client left.');
        if (ended.signal.aborted) throw new AppError('shutting_down', 'The gateway is stopping.');
        const { error, isPassing, retryAfterMs } = toFailure(thrown, context);
        const delayMs = Math.max(FIRST_BACKOFF_MS * 2 ** tried, retryAfterMs ?? 0);
        if (!isPassing || tried >= MAX_RETRIES || delayMs > timeoutMs) throw error;
        await sleep(delayMs, undefined, { signal: AbortSignal.any([signal, ended.signal]) }).catch(() => {});
      }
    }
  }

  return {
    embed: async (inputs, options, signal) => {
      if (inputs.length === 0 && embedder === null) await askAgain(['.'], options, signal);
      const embeddings: Embedding[] = [];
      for (const batch of toBatches(inputs)) embeddings.push(...(await askAgain(batch, options, signal)));
      return embeddings;
    },
    status: () => ({ state: 'ready', fault: null, embedder }),
    onChange: () => () => {},
    start: () => {},
    load: () => {},
    stop: async () => ended.abort(),
    kill: () => ended.abort(),
  };
}

function toFacts(model: string, dimensions: number): EmbedderFacts {
  return {
    id: model,
    dimensions,
    context_length: CONTEXT_LENGTH,
    family: 'openai',
    digest: 'unknown',
    size_bytes: 0,
    modified_at: new Date(0).toISOString(),
    tokenizer: TOKENIZER,
  };
}

function toUnit(numbers: readonly number[]): Float32Array {
  const length = Math.hypot(...numbers) || 1;
  return Float32Array.from(numbers, number => number / length);
}

function tokensOf(input: EmbedInput): number {
  return Math.max(1, estimateTokens(typeof input === 'string' ? { prompt: input } : { tokenIds: input }));
}

/** Texts and ids apart, in their order. */
function* toBatches(inputs: readonly EmbedInput[]): Generator<readonly EmbedInput[]> {
  let batch: EmbedInput[] = [];
  let tokens = 0;
  for (const input of inputs) {
    const own = tokensOf(input);
    const isOther = batch.length > 0 && typeof batch[0] !== typeof input;
    if (isOther || batch.length === BATCH_TEXTS || (batch.length > 0 && tokens + own > BATCH_TOKENS)) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(input);
    tokens += own;
  }
  if (batch.length > 0) yield batch;
}

/** The server counts a whole request; each text gets what it has by our estimate, and together they have what was counted. */
function shareOut(counted: number | null, batch: readonly EmbedInput[]): number[] {
  const estimates = batch.map(tokensOf);
  const sum = estimates.reduce((a, b) => a + b, 0);
  if (counted === null || sum === 0) return estimates;
  let [passed, given] = [0, 0];
  return estimates.map(estimate => {
    passed += estimate;
    const share = Math.round((counted * passed) / sum) - given;
    given += share;
    return share;
  });
}

/** What the settings say; they have been checked to be there. */
export function openAiEmbedderOptionsFrom(config: Config): OpenAiEmbedderOptions {
  return {
    baseUrl: config.OPENAI_BASE_URL,
    apiKey: config.OPENAI_API_KEY ?? '',
    model: config.OPENAI_EMBEDDING_MODEL,
    timeoutMs: config.MINIVAULT_FIRST_TOKEN_TIMEOUT_MS,
  };
}
