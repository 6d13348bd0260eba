// Ollama's shape of an error: a string, in a body or on a line of its own. https://github.com/ollama/ollama, api/types.go
import type { AppError } from '../errors.js';

export function ollamaErrorBody(error: AppError): { readonly error: string } {
  return { error: error.message };
}
