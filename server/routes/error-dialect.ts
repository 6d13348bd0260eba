// Which dialect an error speaks: that of the route it happened on, also where no route took the request.
import type { Request } from 'express';
import { anthropicErrorBody } from '../dialects/anthropic-error.js';
import type { ErrorBody } from '../dialects/dialect.js';
import { ollamaErrorBody } from '../dialects/ollama-error.js';
import { openAiErrorBody } from '../dialects/openai-error.js';
import { simpleErrorBody } from '../dialects/simple-ndjson.js';

/** The first that a path begins with. */
const DIALECTS: readonly (readonly [prefix: string, body: ErrorBody])[] = [
  ['/v1/messages', anthropicErrorBody],
  ['/v1/', openAiErrorBody],
  ['/api/v1/', simpleErrorBody],
  ['/api/', ollamaErrorBody],
];

export function errorBodyOf(req: Pick<Request, 'path'>): ErrorBody {
  return DIALECTS.find(([prefix]) => req.path.startsWith(prefix))?.[1] ?? simpleErrorBody;
}
