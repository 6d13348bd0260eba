// A clock that stands still unless a test lets it run; streams and promises go on as ever.
import { afterEach, beforeEach, vi } from 'vitest';

/** For the file that calls it: every test begins with a clock of its own. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Lets streams and promises finish what they have begun. */
export const soon = (): Promise<void> => pass(1);

/** Lets the clock run until it holds. @throws Error after a minute on that clock. */
export async function passUntil(condition: () => boolean): Promise<void> {
  for (let passedMs = 0; !condition(); passedMs += 10) {
    if (passedMs > 60_000) throw new Error(`Not true within a minute: ${condition}`);
    await pass(10);
  }
}
