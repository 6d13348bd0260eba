// Ollama's shape of an error: a string, in a body or on a line of its own. https://github.com/ollama/ollama, api/types.go
import type { AppError } from '../errors.js';

/** ErrMaxQueue of its server/sched.go, two spaces and all: clients that retry look for it. */
const BUSY = 'server busy, please try again.  maximum pending requests exceeded';

export function ollamaErrorBody(error: AppError): { readonly error: string } {
  return { error: error.code === 'queue_full' ? BUSY : error.message };
}
