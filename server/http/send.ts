// The only writer of streams: one batch, one write; flush at admission, heartbeats, backpressure, one terminal record.
import type { Response } from 'express';
import type { StreamEncoder } from '../dialects/dialect.js';
import type { GenerationEvent } from '../domain/generation.js';
import { AppError, toAppError } from '../errors.js';
import { nextBeat } from './pacer.js';
import type { RequestScope } from './request-scope.js';

export interface StreamTimeouts {
  /** Silence after which a heartbeat record is written. */
  readonly heartbeatIntervalMs: number;
  /** How long a client may take no bytes; the clock starts when a write is refused. */
  readonly writeStallTimeoutMs: number;
}

export interface StreamOptions extends StreamTimeouts {
  /** Beside the stream's own; an answer that fails before its first event does not carry them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Relays a generation, or whatever else its encoder has words for. Resolves when the answer has ended, however it ended;
 * nothing follows its terminal record. Who asked for the head alone waits for the first event, as that decides the status.
 * @throws whatever the stream throws before its first event: nothing has been sent, so it can still be an HTTP error.
 */
export async function sendStream<Event extends { readonly type: string } = GenerationEvent>(
  res: Response,
  scope: RequestScope,
  events: AsyncIterable<readonly Event[]>,
  encoder: StreamEncoder<Event>,
  options: StreamOptions,
): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  let next = await iterator.next();

  res.status(200);
  res.setHeader('Content-Type', encoder.contentType);
  res.setHeader('Cache-Control', 'no-cache, no-transform');
  res.setHeader('X-Accel-Buffering', 'no');
  for (const [name, value] of Object.entries(options.headers ?? {})) res.setHeader(name, value);
  res.socket?.setNoDelay(true);
  res.flushHeaders();
  if (res.req.method === 'HEAD') {
    await iterator.return?.();
    res.end();
    return;
  }

  const heartbeat = createHeartbeat(res, encoder, options.heartbeatIntervalMs);
  const isTerminal = (event: Event | undefined): boolean =>
    event !== undefined && (encoder.isTerminal?.(event) ?? event.type === 'done');
  let ended = false;
  try {
    while (next.done !== true && !ended) {
      const text = encoder.events(next.value);
      ended = isTerminal(next.value.at(-1));
      if (text !== '' && !scope.signal.aborted) {
        heartbeat.rest();
        if (!res.write(text)) await drained(res, scope.signal, options.writeStallTimeoutMs);
        if (!ended) await nextBeat();
      }
      if (!ended) next = await iterator.next();
    }
    if (!ended) throw new AppError('incomplete_generation', 'The stream ended without its end.');
    res.end();
  } catch (cause) {
    const error = toAppError(cause);
    scope.span.fail(error.code);
    if (error.code !== 'cancelled') scope.recorder.error(error.code);
    if (error.code === 'internal') scope.logger.error('stream failed', { error: describe(error.cause) });
    fail(res, encoder, error);
  } finally {
    heartbeat.stop();
    await iterator.return?.();
  }
}

function fail(res: Response, encoder: Pick<StreamEncoder, 'error'>, error: AppError): void {
  if (error.code === 'client_too_slow') {
    res.destroy();
    return;
  }
  const record = encoder.error(error);
  if (record !== null) res.end(record);
  // What was written still goes out; the body's end does not, so that no client takes it for whole.
  else if (res.socket) res.socket.destroySoon();
  // Pipelined behind another answer: breaks as soon as its turn comes.
  else res.destroy();
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

interface Heartbeat {
  /** Something else was written: the silence starts anew. */
  rest(): void;
  stop(): void;
}

function createHeartbeat(
  res: Response,
  encoder: Pick<StreamEncoder, 'heartbeat'>,
  intervalMs: number,
): Heartbeat {
  let lastWriteMs = performance.now();
  const beat = (): void => {
    const record = encoder.heartbeat();
    const silentMs = performance.now() - lastWriteMs;
    if (record === '' || silentMs < intervalMs || res.writableNeedDrain) return;
    lastWriteMs = performance.now();
    res.write(record);
  };
  const timer = setInterval(beat, Math.max(1, Math.ceil(intervalMs / 4)));
  return {
    rest: () => {
      lastWriteMs = performance.now();
    },
    stop: () => clearInterval(timer),
  };
}

/** Waits until the client takes bytes again, or has gone. @throws AppError client_too_slow */
function drained(res: Response, signal: AbortSignal, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onStall = (): void => {
      // Pipelined behind another answer: it is not the client that makes it wait.
      if (res.socket === null) {
        timer = setTimeout(onStall, timeoutMs);
        return;
      }
      settle();
      reject(new AppError('client_too_slow', `The client took no bytes for ${timeoutMs} ms.`));
    };
    let timer = setTimeout(onStall, timeoutMs);
    const onFree = (): void => {
      settle();
      resolve();
    };
    const settle = (): void => {
      clearTimeout(timer);
      res.off('drain', onFree);
      signal.removeEventListener('abort', onFree);
    };
    res.once('drain', onFree);
    signal.addEventListener('abort', onFree, { once: true });
    if (signal.aborted) onFree();
  });
}
