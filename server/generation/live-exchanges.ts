// The exchanges that wait or run now: who asked, how far each is, and how it is ended. Knows no line and no wire format.
import type { BackendRun } from '../backend/backend.js';
import type { QueueItem } from '../domain/queue.js';
import type { Ticket } from './admission.js';
import { TokenSpeed } from './token-speed.js';

export interface LiveExchange {
  readonly id: string;
  readonly dialect: string;
  readonly caller: string | null;
  readonly ticket: Pick<Ticket, 'position' | 'estimatedWaitMs'>;
  readonly enteredAtMs: number;
  /** Ends it as cancelled, for its client and for the log. Idempotent. */
  readonly cancel: () => void;
  /** Both set when it has its slot. */
  waitedMs: number | null;
  run: Pick<BackendRun, 'tokens'> | null;
}

export class LiveExchanges {
  readonly #live = new Map<string, LiveExchange>();
  readonly #speed = new TokenSpeed(() => this.#tokens());
  #endedTokens = 0;

  get(id: string): LiveExchange | undefined {
    return this.#live.get(id);
  }

  add(exchange: LiveExchange): void {
    this.#live.set(exchange.id, exchange);
    this.#speed.start();
  }

  /** When nothing of it is left: neither place nor slot. */
  remove({ id, run }: LiveExchange): void {
    if (!this.#live.delete(id)) return;
    this.#endedTokens += run?.tokens ?? 0;
    if (this.#live.size === 0) this.#speed.rest();
  }

  /** What runs first, in the order of arrival, then the line in its order. */
  items(): readonly QueueItem[] {
    const nowMs = performance.now();
    const items = [...this.#live.values()].map(exchange => toItem(exchange, nowMs));
    return items.sort((a, b) => a.position - b.position);
  }

  /** Over the last 10 s; null before anything was measured. */
  tokensPerSecond(): number | null {
    return this.#speed.perSecond();
  }

  #tokens(): number {
    let tokens = this.#endedTokens;
    for (const { run } of this.#live.values()) tokens += run?.tokens ?? 0;
    return tokens;
  }
}

function toItem(exchange: LiveExchange, nowMs: number): QueueItem {
  const { id, dialect, caller, ticket, enteredAtMs, run } = exchange;
  const tokens = run?.tokens ?? 0;
  const position = ticket.position();
  return {
    id,
    dialect,
    caller,
    position,
    phase: position > 0 ? 'waiting' : tokens === 0 ? 'prefill' : 'decode',
    waitedMs: Math.round(exchange.waitedMs ?? nowMs - enteredAtMs),
    estimatedWaitMs: ticket.estimatedWaitMs(),
    tokens,
  };
}
