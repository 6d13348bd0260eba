// Every error this program can report: one table of codes, one class that carries them. Knows no wire format.

/** status: HTTP before the first byte. retryable: the same request may succeed later (sent as Retry-After). */
export const ERRORS = {
  invalid_json: { status: 400, retryable: false },
  invalid_request: { status: 400, retryable: false },
  invalid_unicode: { status: 400, retryable: false },
  context_length_exceeded: { status: 400, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  not_acceptable: { status: 406, retryable: false },
  request_timeout: { status: 408, retryable: true },
  body_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  client_too_slow: { status: 408, retryable: false },
  cancelled: { status: 499, retryable: false },
  internal: { status: 500, retryable: false },
  worker_error: { status: 500, retryable: false },
  worker_crashed: { status: 500, retryable: false },
  worker_killed: { status: 500, retryable: false },
  incomplete_generation: { status: 500, retryable: false },
  model_loading: { status: 503, retryable: true },
  model_unavailable: { status: 503, retryable: true },
  queue_full: { status: 503, retryable: true },
  queue_timeout: { status: 503, retryable: true },
  shutting_down: { status: 503, retryable: true },
  generation_timeout: { status: 504, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

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
