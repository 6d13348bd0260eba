// The line as rows that a person reads: what the gateway told, moved on by the time that has passed since. Knows no element.
import type { Queue } from '../api/queue.js';
import { spellMs, spellNumber } from '../ui/figures.js';

export interface Row {
  /** Of the exchange; null for another caller's, of which only the place is told. */
  readonly id: string | null;
  readonly place: string;
  readonly phase: string;
  readonly dialect: string;
  readonly caller: string;
  readonly waited: string;
  /** Until its turn; empty once it has it. */
  readonly expected: string;
  readonly tokens: string;
  readonly isRunning: boolean;
}

const PHASES = { waiting: 'Waiting', prefill: 'Reading the prompt', decode: 'Writing' } as const;
/** The speed is that of so long; an older word about it is none. */
const SPEED_WINDOW_MS = 10_000;

/** @param passedMs since the gateway told it */
export function toRows({ items }: Queue, passedMs: number): Row[] {
  return items.map(item => {
    const isRunning = item.position === 0;
    const row = { place: isRunning ? 'Now' : String(item.position), phase: PHASES[item.phase], isRunning };
    if (!('id' in item)) {
      const unknown = { dialect: '', waited: '', expected: '', tokens: '' };
      return { ...row, ...unknown, id: null, caller: 'Somebody else' };
    }
    const { id, dialect, caller, waited_ms: waitedMs, estimated_wait_ms: estimatedMs, tokens } = item;
    return {
      ...row,
      id,
      dialect,
      caller: caller ?? 'This machine',
      // What runs has done its waiting.
      waited: spellWait(waitedMs + (isRunning ? 0 : passedMs)),
      expected: isRunning ? '' : spellExpected(estimatedMs, passedMs),
      tokens: isRunning ? spellNumber(tokens) : '',
    };
  });
}

function spellExpected(estimatedMs: number | null, passedMs: number): string {
  if (estimatedMs === null) return 'Not known yet';
  const leftMs = estimatedMs - passedMs;
  return leftMs < 1_000 ? 'Any moment' : `About ${spellWait(leftMs)}`;
}

/** In whole seconds, so that it does not flicker. */
function spellWait(ms: number): string {
  return ms < 1_000 ? 'Under 1 s' : spellMs(Math.floor(ms / 1_000) * 1_000);
}

/** Null when there is nothing to say about it. */
export function spellSpeed(
  { running, tokens_per_second: speed }: Pick<Queue, 'running' | 'tokens_per_second'>,
  passedMs: number,
): string | null {
  return running === 0 || speed === null || passedMs > SPEED_WINDOW_MS ? null : spellNumber(speed);
}
