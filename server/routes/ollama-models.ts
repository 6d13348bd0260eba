// Ollama's questions about models: tags, show, ps, version. There is one model, which MINIVAULT_MODEL names.
import type { RequestHandler } from 'express';
import type { Backend } from '../backend/backend.js';
import {
  OLLAMA_VERSION,
  ollamaPullBodySchema,
  ollamaShowBodySchema,
  toOllamaEmbedderShow,
  toOllamaProcesses,
  toOllamaShow,
  toOllamaTags,
} from '../dialects/ollama-models.js';
import { AppError } from '../errors.js';
import type { Residency } from '../generation/residency.js';
import type { ServedModels } from '../generation/served-models.js';
import { parseBody, requireBody } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';

export interface OllamaModelParts {
  readonly models: ServedModels;
  readonly embedders: ServedModels;
  readonly worker: Pick<Backend, 'status'>;
  readonly residency: Pick<Residency, 'expiresAt' | 'ready'>;
}

export function ollamaTagsRoute({ models, worker }: OllamaModelParts): RequestHandler {
  return (_req, res) => {
    const { model, embedder } = worker.status();
    res.json(toOllamaTags(models.current(), model, embedder));
  };
}

export function ollamaProcessesRoute({ worker, residency }: OllamaModelParts): RequestHandler {
  return (_req, res) => {
    const { state, model, rssBytes } = worker.status();
    if (state !== 'ready' || model === null) res.json({ models: [] });
    else {
      const expiresAt = residency.expiresAt();
      res.json(toOllamaProcesses(model, { expiresAt, now: new Date(), rssBytes }));
    }
  };
}

/** What a model is like is known once it has been loaded; who asks before that waits. */
export function ollamaShowRoute({ models, embedders, worker, residency }: OllamaModelParts): RequestHandler {
  return async (req, res) => {
    requireBody(req);
    const { model, name } = parseBody(req, ollamaShowBodySchema);
    const asked = model ?? name ?? undefined;
    const isEmbedder = asked !== undefined && !models.isServed(asked) && embedders.isServed(asked);
    if (!isEmbedder) models.requireServed(asked);
    if (worker.status().model === null) await residency.ready(scopeOf(res).signal);
    const { model: facts, embedder } = worker.status();
    if (isEmbedder && embedder !== null) res.json(toOllamaEmbedderShow(embedder));
    else if (facts !== null && !isEmbedder) res.json(toOllamaShow(facts));
    else throw new AppError('model_not_found', `model "${asked}" not found`, { param: 'model' });
  };
}

export const ollamaVersionRoute: RequestHandler = (_req, res) => {
  res.json({ version: OLLAMA_VERSION });
};

/** The served model is there already, which is all that a client wants to hear. */
export function ollamaPullRoute({
  models,
  embedders,
}: Pick<OllamaModelParts, 'models' | 'embedders'>): RequestHandler {
  return (req, res) => {
    requireBody(req);
    const { model, name, stream } = parseBody(req, ollamaPullBodySchema);
    const asked = model ?? name ?? models.current();
    if (!models.isServed(asked) && !embedders.isServed(asked)) {
      throw new AppError('unsupported_operation', `model "${asked}" cannot be pulled: ${NOT_MANAGED}`, {
        param: 'model',
      });
    }
    if (!stream) res.json({ status: 'success' });
    else res.type('application/x-ndjson').send('{"status":"pulling manifest"}\n{"status":"success"}\n');
  };
}

const NOT_MANAGED =
  'models are not managed here; MINIVAULT_MODEL names the one that is served when the gateway starts.';

/** create, copy, delete, push and blobs. @throws AppError unsupported_operation */
export const ollamaUnmanagedRoute: RequestHandler = req => {
  throw new AppError('unsupported_operation', `${req.path}: ${NOT_MANAGED}`);
};
