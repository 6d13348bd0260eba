// A text that comes piece by piece and is wanted whole at the end.

/** Pieces that are joined at once: a few of them cost more than their text, and few are there at any time. */
const PIECES = 256;

/**
 * Takes up little more than its characters. A string that grows by `+=` is a tree of all its pieces in V8, which for
 * tokens is many times as much, until somebody reads it.
 */
export class GrowingText {
  #joined = '';
  #pieces: string[] = [];

  get isEmpty(): boolean {
    return this.#joined === '' && this.#pieces.length === 0;
  }

  append(piece: string): void {
    if (piece === '') return;
    this.#pieces.push(piece);
    if (this.#pieces.length === PIECES) this.#join();
  }

  toString(): string {
    this.#join();
    return this.#joined;
  }

  #join(): void {
    this.#joined += this.#pieces.join('');
    this.#pieces = [];
  }
}
