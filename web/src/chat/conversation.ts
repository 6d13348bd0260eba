// One chat that is open: its turns, the answer that is being written, and what can be done with them. The gateway runs the
// answer and keeps it; a page that leaves or loses its connection only stops watching.
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import { readChat } from '../api/chats.js';
import { readExchange } from '../api/history.js';
import { ApiError } from '../api/http.js';
import {
  beginResponse,
  cancelResponse,
  type Message,
  type ResponseEvent,
  resumeResponse,
} from '../api/responses.js';
import { type Answer, fromExchange, isOver, NEW_ANSWER, withEvent } from './answer.js';
import { chatSettings } from './chat-settings.js';
import { costOf } from './cost.js';
import { findRunning, forgetRunning, rememberRunning } from './running-answers.js';
import { fromMessages, fromStoredChat, type Turn, toMessages } from './turns.js';

const RECONNECT_MS = 1_000;
const RECONNECT_MAX_MS = 10_000;

export class Conversation {
  readonly id: string;
  readonly system = signal('');
  readonly turns = signal<readonly Turn[]>([]);
  /** Null once it is there. */
  readonly opening = signal<'opening' | string | null>(null);
  readonly isAnswering: ReadonlySignal<boolean> = computed(() => {
    const last = this.turns.value.at(-1);
    return last !== undefined && !isOver(last.answer);
  });
  /** The connection is lost and is being made again; the answer goes on meanwhile. */
  readonly isLost = signal(false);
  readonly #onEnded: () => void;
  readonly #leaving = new AbortController();
  #attending = 0;

  /** @param onEnded an answer has come to its end, or a chat has come into being */
  constructor(id: string, onEnded: () => void) {
    this.id = id;
    this.#onEnded = onEnded;
  }

  /** Fetches what the vault has of it, and takes up an answer that this browser has not seen the end of. */
  async open(): Promise<void> {
    this.opening.value = 'opening';
    const running = findRunning(this.id);
    try {
      const stored = await readChat(this.id, this.#leaving.signal).catch(error => {
        if (error instanceof ApiError && error.code === 'chat_not_found' && running !== null) return null;
        throw error;
      });
      const isKept = stored?.turns.some(({ id }) => running?.responseId.endsWith(id)) ?? false;
      batch(() => {
        const opened =
          running === null || isKept
            ? stored && fromStoredChat(stored)
            : fromMessages(running.messages, { ...NEW_ANSWER, responseId: running.responseId });
        this.system.value = opened?.system ?? '';
        this.turns.value = opened?.turns ?? [];
        this.opening.value = null;
      });
      if (isKept) forgetRunning(this.id);
      else if (running !== null) void this.#watch(signal => resumeResponse(running.responseId, null, signal));
    } catch (error) {
      if (!this.#leaving.signal.aborted)
        this.opening.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** Asks a question behind all that was said. */
  send(question: string): void {
    this.#ask(this.turns.value, question);
  }

  /** Asks the question of a turn again, in other words if given; all that came after it is left behind. */
  askAgain(index: number, question = this.turns.value[index]?.question): void {
    if (question !== undefined) this.#ask(this.turns.value.slice(0, index), question);
  }

  /** Ends the answer that is being written; what there is of it stays. */
  async stop(): Promise<void> {
    const { responseId } = this.turns.value.at(-1)?.answer ?? NEW_ANSWER;
    if (responseId !== null) await cancelResponse(responseId);
  }

  /** Somebody looks at it until the result is called; when nobody does, it is no longer watched, and nothing is cancelled. */
  attend(): () => void {
    this.#attending += 1;
    return () => {
      this.#attending -= 1;
      // Another view of the same chat may take over in this very moment.
      setTimeout(() => this.#attending === 0 && this.#leaving.abort());
    };
  }

  #ask(before: readonly Turn[], question: string): void {
    const messages = toMessages(this.system.value, before, question);
    this.turns.value = [...before, { question, answer: NEW_ANSWER }];
    const request = { chatId: this.id, messages, ...chatSettings.value };
    void this.#watch(signal => beginResponse(request, signal), messages);
  }

  /** Reads a stream to the answer's end, however often it breaks. */
  async #watch(
    begin: (signal: AbortSignal) => AsyncGenerator<ResponseEvent>,
    messages: readonly Message[] | null = null,
  ): Promise<void> {
    const { signal } = this.#leaving;
    let events = begin(signal);
    let waitMs = RECONNECT_MS;
    for (;;) {
      try {
        for await (const event of events) {
          this.isLost.value = false;
          waitMs = RECONNECT_MS;
          this.#change(answer => withEvent(answer, event));
          if (event.type === 'response.created' && messages !== null) {
            rememberRunning(this.id, { responseId: event.response.id, messages });
          }
        }
        if (isOver(this.#answer)) break;
      } catch (error) {
        if (signal.aborted) return;
        const { responseId } = this.#answer;
        const isWorthAnother =
          error instanceof ApiError && (error.status === 0 || error.status >= 500 || error.status === 429);
        if (responseId === null || !isWorthAnother) {
          await this.#fail(error);
          break;
        }
      }
      this.isLost.value = true;
      await new Promise(resolve => setTimeout(resolve, waitMs));
      if (signal.aborted) return;
      waitMs = Math.min(RECONNECT_MAX_MS, waitMs * 2);
      const { responseId, lastEvent } = this.#answer;
      if (responseId !== null) events = resumeResponse(responseId, lastEvent, signal);
    }
    this.isLost.value = false;
    forgetRunning(this.id);
    await this.#settle();
    this.#onEnded();
  }

  get #answer(): Answer {
    return this.turns.value.at(-1)?.answer ?? NEW_ANSWER;
  }

  #change(change: (answer: Answer) => Answer): void {
    const turns = this.turns.value;
    const last = turns.at(-1);
    if (last !== undefined)
      this.turns.value = [...turns.slice(0, -1), { ...last, answer: change(last.answer) }];
  }

  /** The gateway does not know it any more: what the vault has of it is shown, or why there is nothing. */
  async #fail(error: unknown): Promise<void> {
    const { exchangeId } = this.#answer;
    const kept = exchangeId === null ? null : await readExchange(exchangeId).catch(() => null);
    if (kept !== null) this.#change(() => fromExchange(kept));
    else
      this.#change(answer => ({
        ...answer,
        status: 'failed',
        error: error instanceof Error ? error.message : String(error),
      }));
  }

  /** What it has cost, from the vault; without one the answer stands alone. */
  async #settle(): Promise<void> {
    const { exchangeId } = this.#answer;
    if (exchangeId === null) return;
    const kept = await readExchange(exchangeId).catch(() => null);
    if (kept !== null) this.#change(answer => ({ ...answer, cost: costOf(kept) }));
  }
}
