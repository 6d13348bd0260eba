// Vectors of texts, for OpenAI's clients (/v1/embeddings) and Ollama's (/api/embed, /api/embeddings).
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RequestHandler, Response } from 'express';
import type { EmbedBackend } from '../backend/backend.js';
import {
  embedAnswer,
  embedBodySchema,
  legacyEmbedAnswer,
  legacyEmbedBodySchema,
  toInputs as toOllamaInputs,
} from '../dialects/ollama-embed.js';
import {
  embeddingsAnswer,
  embeddingsBodySchema,
  toInputs as toOpenAiInputs,
} from '../dialects/openai-embeddings.js';
import { truncatedAt } from '../dialects/vector-text.js';
import type { Embedding } from '../domain/embedding.js';
import { AppError } from '../errors.js';
import type { EmbedFor } from '../generation/limited.js';
import type { Residency } from '../generation/residency.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseBody, requireBody } from '../http/body.js';
import { askerOf } from '../http/rate-limit.js';
import { scopeOf } from '../http/request-scope.js';

/** Some 5 ms of work: a long answer must not keep streams waiting while it is made. */
const PIECES_A_TURN = 32;

export interface EmbeddingRouteParts {
  readonly embed: EmbedFor;
  readonly embedders: ServedModels;
}

export function embeddingsRoute({ embed, embedders }: EmbeddingRouteParts): RequestHandler {
  return async (req, res) => {
    const body = parseBody(req, embeddingsBodySchema);
    embedders.requireServed(body.model);
    const { dimensions, encoding_format: format } = body;
    const scope = scopeOf(res);
    const { span } = scope;
    const request = { inputs: toOpenAiInputs(body), truncate: true, dimensions, span };
    const { embeddings } = await embed(askerOf(scope), request, scope.signal);
    await sendVectors(res, embeddings, embeddingsAnswer(embeddings, embedders.current(), format));
  };
}

export interface OllamaEmbedRouteParts extends EmbeddingRouteParts {
  readonly residency: Pick<Residency, 'keepFor'>;
  readonly worker: Pick<EmbedBackend, 'status'>;
}

export function embedRoute(parts: OllamaEmbedRouteParts): RequestHandler {
  const { embed, embedders, residency } = parts;
  return async (req, res) => {
    requireBody(req);
    const body = parseBody(req, embedBodySchema);
    embedders.requireServed(body.model ?? undefined);
    const scope = scopeOf(res);
    const { embeddings, waitedMs } = await embed(
      askerOf(scope),
      // Go's clients send 0 for what they leave open.
      {
        inputs: toOllamaInputs(body),
        truncate: body.truncate ?? true,
        dimensions: body.dimensions || undefined,
        span: scope.span,
      },
      scope.signal,
    );
    requireContext(parts, body.options?.num_ctx);
    if (body.keep_alive != null) residency.keepFor(body.keep_alive);
    const model = body.model ?? embedders.current();
    const totalMs = performance.now() - scope.startedAtMs;
    await sendVectors(res, embeddings, embedAnswer(embeddings, { model, totalMs, waitedMs }));
  };
}

export function legacyEmbedRoute(parts: OllamaEmbedRouteParts): RequestHandler {
  const { embed, embedders, residency } = parts;
  return async (req, res) => {
    requireBody(req);
    const { model, prompt, options, keep_alive: keepAliveMs } = parseBody(req, legacyEmbedBodySchema);
    embedders.requireServed(model ?? undefined);
    const inputs = prompt === '' ? [] : [prompt];
    const scope = scopeOf(res);
    const { span, signal } = scope;
    const { embeddings } = await embed(askerOf(scope), { inputs, truncate: true, span }, signal);
    requireContext(parts, options?.num_ctx);
    if (keepAliveMs != null) residency.keepFor(keepAliveMs);
    await sendVectors(res, embeddings, legacyEmbedAnswer(embeddings));
  };
}

/** Once the texts were embedded: before, the worker may not have told its context's length yet. */
function requireContext({ worker }: OllamaEmbedRouteParts, wanted: number | null | undefined): void {
  const { embedder } = worker.status();
  if (wanted == null || embedder === null || wanted >= embedder.context_length) return;
  throw new AppError(
    'unsupported_parameter',
    `"options.num_ctx" is not supported: the embedder's context has ${embedder.context_length} tokens, always.`,
    { param: 'options.num_ctx' },
  );
}

async function sendVectors(
  res: Response,
  embeddings: readonly Embedding[],
  pieces: Iterable<string>,
): Promise<void> {
  const made: string[] = [];
  for (const piece of pieces) {
    made.push(piece);
    if (made.length % PIECES_A_TURN === 0) await nextTurn();
  }
  const truncated = truncatedAt(embeddings);
  if (truncated !== '') res.set('X-Truncated-Inputs', truncated);
  res.type('json').send(made.join(''));
}
