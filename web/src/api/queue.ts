// The line as the gateway tells it, live for as long as somebody looks.
import { batch, effect, signal } from '@preact/signals';
import type { z } from 'zod';
import type { queueSchema } from '../../../server/dialects/queue.js';
import { whileVisible } from '../ui/visibility.js';
import { ApiError, readEvents, send } from './http.js';
import { isRefused, key } from './key.js';

export type Queue = z.output<typeof queueSchema>;
export type QueueItem = Extract<Queue['items'][number], { id: string }>;

/** Null until the gateway has told it. */
export const queue = signal<Queue | null>(null);
/** When it told that, by performance.now(): times go on from there. */
export const queueToldAtMs = signal(0);
/** Why it is not told now; null while it is. */
export const queueFault = signal<ApiError | null>(null);

const RETRY_MS = 2_000;
let watchers = 0;
let leave = (): void => {};

/** Keeps `queue` up to date until the result is called; one connection for all who watch. */
export function watchQueue(): () => void {
  watchers += 1;
  if (watchers === 1) leave = followAsWhoIsHere();
  return () => {
    watchers -= 1;
    if (watchers === 0) leave();
  };
}

/** Anew with every key: another caller sees another line. A page that nobody sees keeps no connection open. */
function followAsWhoIsHere(): () => void {
  return effect(() => {
    key.value;
    batch(() => {
      queue.value = null;
      queueFault.value = null;
    });
    return whileVisible(follow);
  });
}

/** @returns milliseconds until it is to be tried again */
async function follow(signal: AbortSignal): Promise<number | null> {
  try {
    for await (const { event, data } of readEvents('/v1/queue/events', { signal })) {
      if (event === 'queue') take(JSON.parse(data) as Queue);
      else if (event === 'error') throw toError(data);
    }
    throw new ApiError(0, 'connection_lost', 'The gateway has ended the connection.');
  } catch (error) {
    if (signal.aborted) return null;
    const fault = error instanceof ApiError ? error : new ApiError(0, 'error', String(error));
    queueFault.value = fault;
    return isRefused.value ? null : Math.max(RETRY_MS, fault.retryAfterMs ?? 0);
  }
}

function take(told: Queue): void {
  batch(() => {
    queue.value = told;
    queueToldAtMs.value = performance.now();
    queueFault.value = null;
  });
}

function toError(data: string): ApiError {
  const { error } = JSON.parse(data) as { error: { code: string; message: string } };
  return new ApiError(0, error.code, error.message);
}

/** @throws ApiError */
export async function cancelExchange(id: string): Promise<void> {
  await send(`/v1/queue/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
