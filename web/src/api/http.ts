// Requests to the gateway that this page came from, and to no other: the key, errors, bodies, streams of events.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { isRefused, key } from './key.js';

/** What the gateway said no to, or that it did not answer at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    more: Partial<Pick<ApiError, 'requestId' | 'retryAfterMs'>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = more.requestId ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
  }
}

export interface Asked {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON, or as it is when it is a form. */
  readonly body?: object | FormData;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** @throws ApiError; the signal's reason when it is aborted */
export async function send(
  path: string,
  { method = 'GET', query = {}, body, accept, signal }: Asked = {},
): Promise<Response> {
  const address = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value));
  }
  const headers = new Headers({ Accept: accept ?? 'application/json' });
  if (key.value !== null) headers.set('Authorization', `Bearer ${key.value}`);
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers.set('Content-Type', 'application/json');
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers,
      credentials: 'omit',
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch {
    if (signal?.aborted) throw signal.reason;
    throw new ApiError(0, 'unreachable', 'The gateway does not answer. Is it still running?');
  }
  if (!response.ok) throw await toError(response);
  return response;
}

/** The JSON of an answer. @throws ApiError */
export async function ask<T>(path: string, asked?: Asked): Promise<T> {
  const response = await send(path, asked);
  return (await response.json()) as T;
}

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of a stream until it ends; leaving the loop closes the connection. @throws ApiError, also when it breaks */
export async function* readEvents(path: string, asked: Asked = {}): AsyncGenerator<ServerEvent> {
  const response = await send(path, { ...asked, accept: 'text/event-stream' });
  if (response.body === null) return;
  const events = response.body
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const next = await events.read();
      if (next.done) return;
      yield { event: next.value.event ?? 'message', data: next.value.data };
    }
  } catch {
    if (asked.signal?.aborted) throw asked.signal.reason;
    throw new ApiError(0, 'connection_lost', 'The connection was lost.');
  } finally {
    await events.cancel().catch(() => {});
  }
}

/** What the gateway's refusal says; a 401 asks for a key. */
export async function toError(response: Response): Promise<ApiError> {
  if (response.status === 401) isRefused.value = true;
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const more = {
    requestId: response.headers.get('X-Request-ID'),
    retryAfterMs: Number.isNaN(seconds) ? null : seconds * 1000,
  };
  const body: unknown = await response.json().catch(() => null);
  const { error, code, detail } = (body ?? {}) as {
    error?: string | { message?: string; code?: string; type?: string };
    code?: string;
    detail?: string;
  };
  const told = typeof error === 'object' ? error : { message: error, code };
  const message = [told?.message ?? `The gateway answered ${response.status}.`, detail]
    .filter(Boolean)
    .join(': ');
  return new ApiError(response.status, told?.code ?? 'error', message, more);
}

/** What to show a person. */
export function describe(error: unknown): string {
  if (error instanceof ApiError) {
    const again =
      error.retryAfterMs === null ? '' : ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.`;
    return `${error.message}${again}`;
  }
  return error instanceof Error ? error.message : String(error);
}
