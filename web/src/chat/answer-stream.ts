// The events of one answer to its end, however often the connection breaks. Knows no chat.
import { ApiError } from '../api/http.js';
import { randomId } from '../api/random-id.js';
import { beginResponse, type ResponseEvent, type ResponseRequest, resumeResponse } from '../api/responses.js';

const RETRY_MS = 1_000;
const RETRY_MAX_MS = 10_000;
/** Nothing has been begun that could be waited for: its asker is told soon. */
const MAX_TRIES_TO_BEGIN = 3;
const LAST: ReadonlySet<string> = new Set<ResponseEvent['type']>([
  'response.completed',
  'response.incomplete',
  'response.failed',
]);

export interface AnswerStreamOptions {
  /** What is asked; or the id of the answer that is taken up from its start. */
  readonly from: ResponseRequest | string;
  readonly signal: AbortSignal;
  readonly onLost: (isLost: boolean) => void;
}

/**
 * Ends with the answer's last event. One that was sent twice because its connection broke is one answer all the same.
 * @throws ApiError when the gateway refuses it, cannot be reached to begin it, or does not know it any more; the signal's
 * reason
 */
export async function* streamAnswer({
  from,
  signal,
  onLost,
}: AnswerStreamOptions): AsyncGenerator<ResponseEvent> {
  const idempotencyKey = randomId();
  let id = typeof from === 'string' ? from : null;
  let lastEvent: number | null = null;
  let waitMs = RETRY_MS;
  for (let tries = 1; ; tries++) {
    let fault = new ApiError(0, 'connection_lost', 'The connection was lost.');
    try {
      const events: AsyncGenerator<ResponseEvent> =
        id === null && typeof from !== 'string'
          ? beginResponse(from, idempotencyKey, signal)
          : resumeResponse(id ?? '', lastEvent, signal);
      for await (const event of events) {
        onLost(false);
        waitMs = RETRY_MS;
        lastEvent = event.sequence_number;
        if (event.type === 'response.created') id = event.response.id;
        yield event;
        if (LAST.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      fault = error;
    }
    if (!isWorthAnother(fault, id !== null, tries)) throw fault;
    onLost(true);
    await pause(Math.max(waitMs, fault.retryAfterMs ?? 0), signal);
    waitMs = Math.min(RETRY_MAX_MS, waitMs * 2);
  }
}

function isWorthAnother({ status }: ApiError, isBegun: boolean, tries: number): boolean {
  if (!isBegun) return status === 0 && tries < MAX_TRIES_TO_BEGIN;
  return status === 0 || status >= 500 || status === 429;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', leave);
      resolve();
    }, ms);
    signal.addEventListener('abort', leave, { once: true });
  });
}
