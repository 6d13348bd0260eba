// Requests to the gateway that this page came from, and to no other: the key, errors, bodies, streams of events.
import type { EventSourceMessage } from 'eventsource-parser';
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
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the one that this browser has. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** @throws ApiError; the signal's reason when it is aborted */
export async function send(
  path: string,
  { method = 'GET', query = {}, body, accept, signal, ...asked }: Asked = {},
): Promise<Response> {
  const address = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value));
  }
  const headers = new Headers({ Accept: accept ?? 'application/json', ...asked.headers });
  const shown = asked.key ?? key.value;
  if (shown !== null) headers.set('Authorization', `Bearer ${shown}`);
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
  if (!response.ok) throw await (asked.key === undefined ? toError(response) : readError(response));
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

/** A stream without a byte for this long is broken: the gateway sends at least a sign of life in between. */
const SILENCE_MS = 60_000;

/** The events of a stream until it ends; leaving the loop closes the connection. @throws ApiError, also when it breaks */
export async function* readEvents(path: string, asked: Asked = {}): AsyncGenerator<ServerEvent> {
  const silence = new AbortController();
  const wait = (): number => setTimeout(() => silence.abort(), SILENCE_MS) as unknown as number;
  let timer = wait();
  const heard = new TransformStream<Uint8Array, Uint8Array>({
    transform: (bytes, next) => {
      clearTimeout(timer);
      timer = wait();
      next.enqueue(bytes);
    },
  });
  const signal = AbortSignal.any([silence.signal, ...(asked.signal === undefined ? [] : [asked.signal])]);
  let events: ReadableStreamDefaultReader<EventSourceMessage> | null = null;
  try {
    const response = await send(path, { ...asked, accept: 'text/event-stream', signal });
    if (response.body === null) return;
    events = response.body
      .pipeThrough(heard)
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream())
      .getReader();
    for (;;) {
      const next = await events.read();
      if (next.done) return;
      yield { event: next.value.event ?? 'message', data: next.value.data };
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (asked.signal?.aborted) throw asked.signal.reason;
    throw new ApiError(0, 'connection_lost', 'The connection was lost.');
  } finally {
    clearTimeout(timer);
    await events?.cancel().catch(() => {});
  }
}

/** What the gateway's refusal says; a 401 asks for a key. */
export async function toError(response: Response): Promise<ApiError> {
  if (response.status === 401) isRefused.value = true;
  return readError(response);
}

async function readError(response: Response): Promise<ApiError> {
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
