// What is thrown when something goes wrong: one class that carries a code of the table. Knows no wire format.
import { ERRORS } from './error-codes.js';

export { ERRORS };

export type ErrorCode = keyof typeof ERRORS;

export interface AppErrorOptions {
  /** The offending field, as the client named it. */
  readonly param?: string;
  /** What would have been right, when the message is fixed by an old contract. */
  readonly detail?: string;
  /** For retryable codes: when trying again makes sense. */
  readonly retryAfterMs?: number;
  /** Extra response headers the HTTP layer must send, e.g. Allow on 405. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly detail: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** Anything thrown becomes an AppError; what we did not foresee is `internal`, its message kept in `cause` only. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'Internal error', { cause: error });
}
