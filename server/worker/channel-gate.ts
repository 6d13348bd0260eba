// Waiting for a ready worker: passed at once while there is one. Knows no requests.
import { AppError } from '../errors.js';
import type { Channel } from './channel.js';

interface Waiting {
  readonly pass: (channel: Channel) => void;
  readonly refuse: (error: AppError) => void;
}

export class ChannelGate {
  readonly #waiting = new Set<Waiting>();
  #channel: Channel | null = null;
  #refusal: AppError | null = null;

  /** Null while nothing may be sent. */
  get channel(): Channel | null {
    return this.#channel;
  }

  /** Why there is no worker to wait for. */
  get refusal(): AppError | null {
    return this.#refusal;
  }

  open(channel: Channel): void {
    this.#channel = channel;
    this.#refusal = null;
    for (const { pass } of [...this.#waiting]) pass(channel);
  }

  close(): void {
    this.#channel = null;
  }

  /** Until the next `open`, for those who wait and those who come. */
  refuse(error: AppError): void {
    this.#refusal = error;
    for (const { refuse } of [...this.#waiting]) refuse(error);
  }

  /** @throws AppError cancelled, or what `refuse` was told. */
  async wait(signal: AbortSignal): Promise<Channel> {
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    if (this.#refusal) throw this.#refusal;
    if (this.#channel) return this.#channel;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiting.refuse(new AppError('cancelled', 'The client left.'));
      const settle = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        pass: channel => {
          settle();
          resolve(channel);
        },
        refuse: error => {
          settle();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
