// How often one stream is written at most. Knows no stream.

/**
 * Tokens that come faster than this go out together, each still a line of its own: a write costs a system call however
 * short it is. No model here makes two tokens of one answer within it, so it delays none; what it buys when many
 * streams are fast is in the README's table (bench/relay).
 */
const WRITE_INTERVAL_MS = 2;

let next: Promise<void> | null = null;

/** Resolves at the next common beat, so that one timer serves all streams; a stream that never waits has none. */
export function nextBeat(): Promise<void> {
  next ??= new Promise(resolve => {
    setTimeout(() => {
      next = null;
      resolve();
    }, WRITE_INTERVAL_MS);
  });
  return next;
}
