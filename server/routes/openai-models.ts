// GET /v1/models and /v1/models/{id}: what is served, the model and the embedder.
import type { RequestHandler } from 'express';
import type { Backend } from '../backend/backend.js';
import { toModel, toModelList } from '../dialects/openai-models.js';
import type { ServedModels } from '../generation/served-models.js';

export interface ModelsRouteParts {
  readonly models: ServedModels;
  readonly worker: Pick<Backend, 'status'>;
}

/** The gateway's own start: a model does not tell its age. */
const startedAt = new Date(performance.timeOrigin);

export function modelsRoute({ models, worker }: ModelsRouteParts): RequestHandler {
  return (_req, res) => {
    const { embedder } = worker.status();
    res.json(toModelList([models.current(), ...(embedder === null ? [] : [embedder.id])], startedAt));
  };
}

/** An alias leads to the model that answers to it. Ids may hold `/` and `:`, as they are or escaped. */
export function modelRoute({ models, worker }: ModelsRouteParts): RequestHandler<{ id: string[] }> {
  return (req, res) => {
    const name = req.params.id.join('/');
    const { embedder } = worker.status();
    if (embedder !== null && name === embedder.id) {
      res.json(toModel(embedder.id, startedAt));
      return;
    }
    models.requireServed(name);
    res.json(toModel(models.current(), startedAt));
  };
}
