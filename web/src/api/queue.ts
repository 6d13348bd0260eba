// The line as the gateway tells it, live for as long as somebody looks.
import { signal } from '@preact/signals';
import type { z } from 'zod';
import type { queueSchema } from '../../../server/dialects/queue.js';
import { ApiError, readEvents, send } from './http.js';
import { isRefused } from './key.js';

export type Queue = z.output<typeof queueSchema>;
export type QueueItem = Extract<Queue['items'][number], { id: string }>;

/** Null until the gateway has told it. */
export const queue = signal<Queue | null>(null);
/** Why it is not told now; null while it is. */
export const queueFault = signal<string | null>(null);

const RETRY_MS = 2_000;
let watchers = 0;
let leaving = new AbortController();

/** Keeps `queue` up to date until the result is called; one connection for all who watch. */
export function watchQueue(): () => void {
  watchers += 1;
  if (watchers === 1) {
    leaving = new AbortController();
    void follow(leaving.signal);
  }
  return () => {
    watchers -= 1;
    if (watchers === 0) leaving.abort();
  };
}

async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !isRefused.value) {
    try {
      for await (const { event, data } of readEvents('/v1/queue/events', { signal })) {
        if (event !== 'queue') continue;
        queue.value = JSON.parse(data) as Queue;
        queueFault.value = null;
      }
      queueFault.value = 'The gateway has ended the connection.';
    } catch (error) {
      if (signal.aborted) return;
      queueFault.value = error instanceof ApiError ? error.message : String(error);
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS));
  }
}

/** @throws ApiError */
export async function cancelExchange(id: string): Promise<void> {
  await send(`/v1/queue/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
