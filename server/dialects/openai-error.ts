// OpenAI's shape of an error, before and inside a stream.
// https://github.com/openai/openai-openapi, schema `Error`; both SDKs throw on a truthy top-level `error`.
import type { AppError } from '../errors.js';

export interface OpenAiError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** `code` is our own, where OpenAI has the same one it is theirs, too. */
export function openAiErrorBody(error: AppError): OpenAiError {
  const { message, code, param = null, status } = error;
  return { error: { message, type: typeOf(status), param, code } };
}
