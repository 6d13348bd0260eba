// Waiting for the worker: brings the model into memory where it is not. Knows no line.
import type { Backend, BackendStatus } from '../backend/backend.js';
import { AppError } from '../errors.js';

const RETRY_LATER = { retryAfterMs: 5_000 };

/**
 * Resolves when the worker can be asked.
 * @throws AppError model_unavailable, shutting_down, or cancelled when the signal is aborted first.
 */
export async function workerReady(
  worker: Pick<Backend, 'load' | 'status' | 'onChange'>,
  signal: AbortSignal,
): Promise<void> {
  worker.load();
  await new Promise<void>((resolve, reject) => {
    const look = ({ state, fault }: BackendStatus): void => {
      if (state === 'ready') settle(null);
      else if (state === 'failed') {
        settle(new AppError('model_unavailable', fault ?? 'The worker failed.', RETRY_LATER));
      } else if (state === 'stopped') {
        settle(new AppError('shutting_down', 'The gateway is stopping.', RETRY_LATER));
      }
    };
    const onAbort = (): void => settle(new AppError('cancelled', 'The client left.'));
    const unsubscribe = worker.onChange(look);
    const settle = (error: AppError | null): void => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look(worker.status());
  });
}
