// One chat that is open: its turns, the answer that is being written, and what can be done with them. The gateway runs the
// answer and keeps it; a page that leaves or loses its connection only stops watching.
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals';
import { readChat, type StoredChat } from '../api/chats.js';
import { readExchange } from '../api/history.js';
import { ApiError, describe } from '../api/http.js';
import {
  cancelResponse,
  type Message,
  type ResponseEvent,
  type ResponseRequest,
  toResponseId,
} from '../api/responses.js';
import { type Answer, fromExchange, isOver, NEW_ANSWER, withEvent } from './answer.js';
import { streamAnswer } from './answer-stream.js';
import { chatSettings } from './chat-settings.js';
import { costOf } from './cost.js';
import { keepDraft, readDraft } from './drafts.js';
import { findRunning, forgetRunning, onBegunElsewhere, rememberRunning } from './running-answers.js';
import { answersIn, fromMessages, fromStoredChat, type Opened, type Turn, toMessages } from './turns.js';

const DRAW_MS = 33;
/** How many are drawn at once: some 20 blocks of an answer. */
const MAX_EVENTS = 200;
const EMPTY: Opened = { system: '', turns: [] };

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
  readonly #onChanged: () => void;
  readonly #leaving = new AbortController();
  #attending = 0;
  #wantsStop = false;
  /** Of the answer that is being written, not shown yet. */
  readonly #pending: ResponseEvent[] = [];
  #drawing: Promise<void> | null = null;

  /** @param onChanged the vault has something new of it */
  constructor(id: string, onChanged: () => void) {
    this.id = id;
    this.#onChanged = onChanged;
  }

  /** Fetches what the vault has of it, and takes up an answer that this browser has not seen the end of. */
  async open(): Promise<void> {
    if (this.turns.value.length === 0) this.opening.value = 'opening';
    const running = findRunning(this.id);
    try {
      const stored = await this.#readStored(running !== null || readDraft(this.id) !== '');
      const isKept = stored?.turns.some(({ id }) => running?.responseId === toResponseId(id)) ?? false;
      const opened =
        running === null || isKept
          ? stored === null
            ? EMPTY
            : fromStoredChat(stored)
          : fromMessages(
              running.messages,
              { ...NEW_ANSWER, responseId: running.responseId },
              answersIn(stored?.turns ?? []),
            );
      batch(() => {
        this.system.value = opened.system;
        this.turns.value = opened.turns;
        this.opening.value = null;
      });
      if (isKept) forgetRunning(this.id);
      else if (running !== null) void this.#watch(running.responseId);
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.opening.value = describe(error);
    }
  }

  /** Null for one that the vault has nothing of yet, where that may be. */
  async #readStored(isMaybeNew: boolean): Promise<StoredChat | null> {
    try {
      return await readChat(this.id, this.#leaving.signal);
    } catch (error) {
      if (isMaybeNew && error instanceof ApiError && error.code === 'chat_not_found') return null;
      throw error;
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
    const { responseId } = this.#answer;
    // It may have been asked for so lately that the gateway has not named it yet.
    if (responseId === null) this.#wantsStop = true;
    else await cancelResponse(responseId);
  }

  /** Somebody looks at it until the result is called; when nobody does, it is no longer watched, and nothing is cancelled. */
  attend(): () => void {
    this.#attending += 1;
    const leaveOthers = onBegunElsewhere(this.id, () => {
      if (!this.isAnswering.value) void this.open();
    });
    return () => {
      leaveOthers();
      this.#attending -= 1;
      // Another view of the same chat may take over in this very moment.
      setTimeout(() => this.#attending === 0 && this.#leaving.abort());
    };
  }

  #ask(before: readonly Turn[], question: string): void {
    const messages = toMessages(this.system.value, before, question);
    this.turns.value = [...before, { question, answer: NEW_ANSWER }];
    const request = { chatId: this.id, messages, ...chatSettings.value };
    void this.#watch(request, messages, before);
  }

  /** Reads an answer to its end. @param messages what was sent, when it begins here */
  async #watch(
    from: ResponseRequest | string,
    messages: readonly Message[] | null = null,
    before: readonly Turn[] = [],
  ): Promise<void> {
    const { signal } = this.#leaving;
    this.#wantsStop = false;
    const onLost = (isLost: boolean): void => {
      this.isLost.value = isLost;
    };
    try {
      for await (const event of streamAnswer({ from, signal, onLost })) {
        this.#pending.push(event);
        if (event.type === 'response.created') this.#onCreated(event.response.id, messages);
        else this.#drawSoon();
        // What has come in a burst is drawn bit by bit, and the page lives on in between.
        while (this.#pending.length >= MAX_EVENTS) await this.#drawn();
      }
      while (this.#pending.length > 0) await this.#drawn();
    } catch (error) {
      this.#draw();
      // Then the page asks for a key, and nobody looks at the chat any more.
      if (error instanceof ApiError && error.status === 401) {
        this.#giveBack(messages, before);
        return;
      }
      if (signal.aborted) return;
      await this.#fail(error);
    }
    this.isLost.value = false;
    forgetRunning(this.id);
    await this.#settle();
    this.#onChanged();
  }

  #onCreated(responseId: string, messages: readonly Message[] | null): void {
    this.#draw();
    if (messages !== null) rememberRunning(this.id, { responseId, messages });
    if (this.#wantsStop) void cancelResponse(responseId).catch(() => {});
  }

  /** Events come faster than anybody can read: the page is drawn some thirty times a second. */
  #drawSoon(): void {
    this.#drawing ??= new Promise(resolve => {
      setTimeout(() => {
        this.#drawing = null;
        this.#draw();
        resolve();
      }, DRAW_MS);
    });
  }

  /** Resolves when the page was drawn once more. */
  async #drawn(): Promise<void> {
    this.#drawSoon();
    await this.#drawing;
  }

  #draw(): void {
    const events = this.#pending.splice(0);
    if (events.length > 0) this.#change(answer => events.reduce(withEvent, answer));
  }

  /** A question that was not taken stands in its field again. */
  #giveBack(messages: readonly Message[] | null, before: readonly Turn[]): void {
    if (messages === null || this.#answer.responseId !== null) return;
    keepDraft(this.id, messages.at(-1)?.content ?? '');
    this.turns.value = before;
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
        error: describe(error),
      }));
  }

  /** What it has cost, and its last words where it was cut, from the vault; without one the answer stands alone. */
  async #settle(): Promise<void> {
    const { exchangeId } = this.#answer;
    if (exchangeId === null) return;
    const kept = await readExchange(exchangeId).catch(() => null);
    if (kept === null) return;
    this.#change(answer => ({
      ...answer,
      cost: costOf(kept),
      text: kept.response.startsWith(answer.text) ? kept.response : answer.text,
    }));
  }
}
