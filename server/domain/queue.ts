// The words about the line and what runs. Types only: no logic.
import type { Role } from './caller.js';

/** `prefill`: it has its slot and no token yet. */
export type QueuePhase = 'waiting' | 'prefill' | 'decode';

/** What everybody may know of anybody's exchange. */
export interface QueuePlace {
  /** 1 is next, 0 has a slot. */
  readonly position: number;
  readonly phase: QueuePhase;
}

export interface QueueItem extends QueuePlace {
  /** Of the exchange, as in the log. */
  readonly id: string;
  readonly dialect: string;
  readonly caller: string | null;
  readonly waitedMs: number;
  /** Null while it is not known, 0 with a slot. */
  readonly estimatedWaitMs: number | null;
  /** Of the answer, so far. */
  readonly tokens: number;
}

export interface QueueSnapshot {
  readonly waiting: number;
  readonly running: number;
  readonly slots: number;
  /** All answers together, over the last 10 s; null before the first. */
  readonly tokensPerSecond: number | null;
  readonly model: {
    readonly id: string | null;
    readonly state: string;
    readonly loading: { readonly stage: string; readonly done: number; readonly total: number } | null;
  };
  /** What runs first, then the line in its order. */
  readonly items: readonly (QueueItem | QueuePlace)[];
}

/** Who looks at it: an admin sees all, others what is theirs. */
export interface QueueViewer {
  readonly name: string | null;
  readonly role: Role;
}
