// Questions with one answer on their way to the worker: id -> promise. Knows no process and no generation.
import { AppError, isErrorCode } from '../errors.js';
import type { Channel } from './channel.js';
import type { GatewayMessage, WorkerMessage } from './protocol.js';

/** What is asked by which message, and answered by which. */
interface Answers {
  tokenize: 'tokenized';
  detokenize: 'detokenized';
  embed: 'embeddings';
}

export type CallType = keyof Answers;
export type Question<Type extends CallType> = Omit<Extract<GatewayMessage, { type: Type }>, 'type' | 'id'>;
export type Answer<Type extends CallType = CallType> = Extract<WorkerMessage, { type: Answers[Type] }>;

interface Pending {
  readonly type: CallType;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: AppError) => void;
}

const ANSWERS: Readonly<Answers> = { tokenize: 'tokenized', detokenize: 'detokenized', embed: 'embeddings' };

export class Calls {
  readonly #pending = new Map<string, Pending>();
  readonly #timeoutMs: number;
  #count = 0;

  /** @param timeoutMs longest wait for an answer; then the promise rejects with generation_timeout. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Questions whose answer is still to come, also when nobody waits for it any more. */
  get size(): number {
    return this.#pending.size;
  }

  /** @throws AppError cancelled, generation_timeout, or what the worker answers. */
  async ask<Type extends CallType>(
    channel: Channel,
    type: Type,
    question: Question<Type>,
    signal: AbortSignal,
  ): Promise<Answer<Type>> {
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    this.#count += 1;
    const id = `${type}-${this.#count}`;
    let stopWaiting = (): void => {};
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { type, resolve, reject });
      const onAbort = (): void => reject(new AppError('cancelled', 'The client left.'));
      const timer = setTimeout(() => {
        reject(
          new AppError('generation_timeout', `The worker did not answer ${type} in ${this.#timeoutMs} ms.`),
        );
      }, this.#timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
    });
    try {
      this.#write(channel, id, { type, id, ...question } as GatewayMessage);
      return (await answer) as Answer<Type>;
    } finally {
      stopWaiting();
    }
  }

  /** Written or not: a dying worker ends in rejectAll. */
  #write(channel: Channel, id: string, message: GatewayMessage): void {
    try {
      void channel.send(message);
    } catch (error) {
      this.#pending.delete(id);
      throw error;
    }
  }

  /** False when nobody asked for this; an answer that came after its asker left is still expected. */
  onAnswer(answer: Answer): boolean {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined || ANSWERS[pending.type] !== answer.type) return false;
    this.#pending.delete(answer.id);
    pending.resolve(answer);
    return true;
  }

  onError(id: string, code: string, message: string): boolean {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.reject(new AppError(isErrorCode(code) ? code : 'worker_error', message));
    return pending !== undefined;
  }

  rejectAll(error: AppError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
