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

/** What the worker is told to leave when its asker has left. */
const IS_LONG: Readonly<Record<CallType, boolean>> = { tokenize: false, detokenize: false, embed: true };
/** Longest wait for an answer; then the promise rejects with generation_timeout. */
export interface CallTimeouts {
  readonly shortMs: number;
  /** For what the worker does beside its streams, with what they leave over of the machine. */
  readonly longMs: number;
}

const ANSWERS: Readonly<Answers> = { tokenize: 'tokenized', detokenize: 'detokenized', embed: 'embeddings' };

export class Calls {
  readonly #pending = new Map<string, Pending>();
  readonly #timeouts: CallTimeouts;
  #count = 0;

  constructor(timeouts: CallTimeouts) {
    this.#timeouts = timeouts;
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
    const timeoutMs = IS_LONG[type] ? this.#timeouts.longMs : this.#timeouts.shortMs;
    if (signal.aborted) throw new AppError('cancelled', 'The client left.');
    this.#count += 1;
    const id = `${type}-${this.#count}`;
    let stopWaiting = (): void => {};
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { type, resolve, reject });
      const leave = (error: AppError): void => {
        reject(error);
        if (IS_LONG[type]) void channel.send({ type: 'cancel', id });
      };
      const onAbort = (): void => leave(new AppError('cancelled', 'The client left.'));
      const timer = setTimeout(() => {
        leave(new AppError('generation_timeout', `The worker did not answer ${type} in ${timeoutMs} ms.`));
      }, timeoutMs);
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
