// Refuses tools that the model's chat template cannot show while that can still be an HTTP error.

import type { Backend } from '../backend/backend.js';
import type { GenerationInput } from '../domain/generation.js';
import { AppError } from '../errors.js';

/**
 * While the model loads nothing is known: the worker itself refuses the same request later, in the stream.
 * @throws AppError unsupported_parameter, naming `tools`.
 */
export function checkToolFormat(worker: Pick<Backend, 'status'>, input: GenerationInput): void {
  const { model } = worker.status();
  if (input.tools === undefined || model === null || model.tool_format !== null) return;
  throw new AppError(
    'unsupported_parameter',
    `"tools" is not supported: the chat template of "${model.id}" has no known form for tools.`,
    { param: 'tools' },
  );
}
