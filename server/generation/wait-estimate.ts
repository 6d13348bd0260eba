// When a place in the line gets its slot, from how long slots have been held. Knows no queue.

/** What is left of a hold that is longer than usual already, as a share of the usual one. */
const OVERDUE_SHARE = 0.1;

export interface Holds {
  readonly slots: number;
  /** How long a slot is held, on average. */
  readonly heldMs: number;
  /** How long each of the slots that are taken has been held so far. */
  readonly elapsedMs: readonly number[];
}

/** @param position 1 is next */
export function estimateWaitMs(position: number, { slots, heldMs, elapsedMs }: Holds): number {
  const leftMs = elapsedMs.map(elapsed => Math.max(heldMs - elapsed, heldMs * OVERDUE_SHARE));
  for (let free = slots - leftMs.length; free > 0; free--) leftMs.push(0);
  leftMs.sort((a, b) => a - b);
  const round = Math.floor((position - 1) / slots);
  return round * heldMs + (leftMs[(position - 1) % slots] ?? heldMs);
}
