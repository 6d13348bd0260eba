// What went wrong with another server, in this gateway's own words: its code, whose fault it is, and whether to try again.
import { APIConnectionError, APIError } from 'openai';
import { AppError, type AppErrorOptions, type ErrorCode } from '../errors.js';
import { RecordTooLongError } from './upstream-client.js';

const MAX_MESSAGE_LENGTH = 500;
const AGAIN_IN_MS = 5_000;
const TLS_CODE = /CERT|TLS|SSL|SELF_SIGNED|ISSUER/;

export interface Failure {
  readonly error: AppError;
  /** The same request may succeed if sent again at once. */
  readonly isPassing: boolean;
  /** Nobody's request would be answered now. */
  readonly isDown: boolean;
  /** How long the other server wants to be left alone; null when it did not say. */
  readonly retryAfterMs: number | null;
}

export interface FailureContext {
  /** As far as it may be shown. */
  readonly url: string;
  readonly model: string;
  /** Taken out of every message. */
  readonly apiKey: string;
}

/** Of anything that the client threw; an AppError of our own is passed on. */
export function toFailure(thrown: unknown, context: FailureContext): Failure {
  if (thrown instanceof AppError) return failure(thrown);
  if (thrown instanceof APIConnectionError) return toConnectionFailure(thrown, context);
  if (thrown instanceof APIError) {
    return thrown.status === undefined ? toStreamFailure(thrown, context) : toStatusFailure(thrown, context);
  }
  if (thrown instanceof SyntaxError || thrown instanceof RecordTooLongError) {
    return failure(
      new AppError('upstream_error', `${context.url} answered what is no stream of the OpenAI API.`, {
        cause: thrown,
      }),
    );
  }
  return failure(
    new AppError('upstream_unavailable', `${context.url} broke off: ${causeOf(thrown)}.`, {
      retryAfterMs: AGAIN_IN_MS,
      cause: thrown,
    }),
    { isPassing: true },
  );
}

function failure(error: AppError, more: Partial<Omit<Failure, 'error'>> = {}): Failure {
  return { error, isPassing: false, isDown: false, retryAfterMs: null, ...more };
}

/** The innermost code, such as ECONNREFUSED, else its words. */
function causeOf(thrown: unknown): string {
  let words = 'the connection failed';
  for (let each = thrown; each instanceof Error; each = each.cause) {
    words = 'code' in each && typeof each.code === 'string' ? each.code : each.message;
  }
  return words;
}

function toConnectionFailure(thrown: APIConnectionError, { url }: FailureContext): Failure {
  const cause = causeOf(thrown);
  if (TLS_CODE.test(cause)) {
    const message = `The certificate of ${url} is not trusted (${cause}); NODE_EXTRA_CA_CERTS names more authorities.`;
    return failure(new AppError('upstream_error', message, { cause: thrown }), { isDown: true });
  }
  const message = `No answer from ${url} (${cause}); does it run, and is OPENAI_BASE_URL right?`;
  return failure(
    new AppError('upstream_unavailable', message, { retryAfterMs: AGAIN_IN_MS, cause: thrown }),
    {
      isPassing: true,
      isDown: true,
    },
  );
}

/** An error told within a stream has no status. */
function toStreamFailure(thrown: APIError, context: FailureContext): Failure {
  const code = REQUEST_CODES[thrown.code ?? ''] ?? 'upstream_error';
  return failure(new AppError(code, said(thrown, context), { cause: thrown }));
}

const REQUEST_CODES: Readonly<Record<string, ErrorCode>> = {
  context_length_exceeded: 'context_length_exceeded',
  unsupported_parameter: 'unsupported_parameter',
  unsupported_value: 'unsupported_parameter',
};

function toStatusFailure(thrown: APIError, context: FailureContext): Failure {
  const { url, model } = context;
  const { status = 0 } = thrown;
  const told = (code: ErrorCode, message: string, options: AppErrorOptions = {}): AppError =>
    new AppError(code, message, { ...options, cause: thrown });
  if (status === 401 || status === 403) {
    // Its own words may hold the key.
    const message = `${url} refused the key (HTTP ${status}); OPENAI_API_KEY must be one that it knows.`;
    return failure(told('upstream_error', message), { isDown: true });
  }
  if (status >= 300 && status < 400) {
    const message = `${url} sends elsewhere (HTTP ${status}), which is not followed; set OPENAI_BASE_URL to the right address.`;
    return failure(told('upstream_error', message), { isDown: true });
  }
  if (status === 404) {
    const message = `${said(thrown, context)} OPENAI_MODEL is "${model}"; OPENAI_BASE_URL usually ends in /v1.`;
    return failure(told('upstream_error', message));
  }
  if (status === 429 || status === 408 || status === 409 || status >= 500) {
    const retryAfterMs = retryAfterOf(thrown.headers);
    const error = told('upstream_unavailable', said(thrown, context), {
      retryAfterMs: retryAfterMs ?? AGAIN_IN_MS,
    });
    const isFinal = thrown.headers?.get('x-should-retry') === 'false' || thrown.code === 'insufficient_quota';
    return failure(error, { isPassing: !isFinal, isDown: status >= 500 && !isFinal, retryAfterMs });
  }
  const code = REQUEST_CODES[thrown.code ?? ''] ?? 'invalid_request';
  const param = typeof thrown.param === 'string' ? { param: thrown.param } : {};
  return failure(told(code, said(thrown, context), param));
}

function said({ status, message }: APIError, { url, apiKey }: FailureContext): string {
  const words = withoutKey(message.replace(/^\d{3} /, ''), apiKey);
  return `${url} answered${status === undefined ? '' : ` HTTP ${status}`}: ${words}`;
}

/** Servers may repeat what they were sent. */
export function withoutKey(words: string, apiKey: string): string {
  return words.replaceAll(apiKey, '***').slice(0, MAX_MESSAGE_LENGTH);
}

function retryAfterOf(headers: Headers | undefined): number | null {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (ms >= 0) return ms;
  const after = headers?.get('retry-after') ?? '';
  const atMs = /^\d+(\.\d+)?$/.test(after) ? Number(after) * 1000 : Date.parse(after) - Date.now();
  return Number.isNaN(atMs) ? null : Math.max(0, atMs);
}
