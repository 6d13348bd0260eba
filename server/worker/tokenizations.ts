// Tokenize requests on their way: id -> promise. Knows no process.
import type { GenerationInput } from '../domain/generation.js';
import { AppError, isErrorCode } from '../errors.js';
import type { Channel } from './channel.js';

interface Pending {
  readonly resolve: (tokens: number) => void;
  readonly reject: (error: AppError) => void;
}

export class Tokenizations {
  readonly #pending = new Map<string, Pending>();
  readonly #timeoutMs: number;
  #count = 0;

  /** @param timeoutMs longest wait for an answer; then the promise rejects with generation_timeout. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  async send(channel: Channel, input: GenerationInput, signal: AbortSignal): Promise<number> {
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    this.#count += 1;
    const id = `tokenize-${this.#count}`;
    let stopWaiting = (): void => {};
    const answer = new Promise<number>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const onAbort = (): void => reject(new AppError('cancelled', 'The client left.'));
      const timer = setTimeout(() => {
        reject(new AppError('generation_timeout', `The tokenizer did not answer in ${this.#timeoutMs} ms.`));
      }, this.#timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
    });
    try {
      this.#write(channel, id, input);
      return await answer;
    } finally {
      stopWaiting();
    }
  }

  /** Written or not: a dying worker ends in rejectAll. */
  #write(channel: Channel, id: string, { messages, prompt }: GenerationInput): void {
    try {
      void channel.send({ type: 'tokenize', id, ...(messages ? { messages: [...messages] } : { prompt }) });
    } catch (error) {
      this.#pending.delete(id);
      throw error;
    }
  }

  /** False when nobody asked; an answer that came after its asker left is still expected. */
  onTokenized(id: string, tokens: number): boolean {
    return this.#take(id, pending => pending.resolve(tokens));
  }

  onError(id: string, code: string, message: string): boolean {
    const error = new AppError(isErrorCode(code) ? code : 'worker_error', message);
    return this.#take(id, pending => pending.reject(error));
  }

  rejectAll(error: AppError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }

  #take(id: string, settle: (pending: Pending) => void): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    this.#pending.delete(id);
    settle(pending);
    return true;
  }
}
