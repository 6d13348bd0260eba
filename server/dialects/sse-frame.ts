// Server-sent events as text: one call, one whole frame. Knows no dialect.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
import { oneLineJson } from './one-line-json.js';

export const SSE_CONTENT_TYPE = 'text/event-stream; charset=utf-8';

/** Last record of an OpenAI stream, and of the systems that took it over. */
export const SSE_DONE = 'data: [DONE]\n\n';

export interface SseEvent {
  /** Absent, readers call it `message`. */
  readonly event?: string;
  /** What the reader sends back as Last-Event-ID when it connects again. */
  readonly id?: string;
  /** Milliseconds a reader waits before it connects again. */
  readonly retry?: number;
  /** Any JSON value. There is always one: browsers drop an event without data, and SDKs choke on it. */
  readonly data: unknown;
}

/** An event that is nothing but JSON. */
export function sseData(value: unknown): string {
  return `data: ${oneLineJson(value)}\n\n`;
}

/** @throws TypeError when `event` or `id` would break its line, or `retry` is no whole number: never a client's doing. */
export function sseEvent({ event, id, retry, data }: SseEvent): string {
  let head = '';
  if (event !== undefined) head += `event: ${requireOneLine('event', event)}\n`;
  if (id !== undefined) head += `id: ${requireOneLine('id', id)}\n`;
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) throw new TypeError(`"retry" is ${retry}`);
    head += `retry: ${retry}\n`;
  }
  return head + sseData(data);
}

/** A record that every reader skips. @throws TypeError when the text has more than one line */
export function sseComment(text: string): string {
  return `: ${requireOneLine('comment', text)}\n\n`;
}

/** What keeps an idle stream open. */
export const SSE_PING = sseComment('ping');

function requireOneLine(field: string, text: string): string {
  if (/[\r\n\0]/.test(text))
    throw new TypeError(`"${field}" holds a line end or NUL: ${JSON.stringify(text)}`);
  return text;
}
