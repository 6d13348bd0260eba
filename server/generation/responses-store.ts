// Responses that can be fetched, gone on from and cancelled: in memory, bounded, the longest unused dropped first.
import type { Message } from '../domain/generation.js';
import type { FrameLog } from './frame-log.js';

const MAX_RESPONSES = 1_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** A response that goes on without its client. */
export interface BackgroundRun {
  readonly frames: FrameLog;
  /** Idempotent. */
  cancel(): void;
  /** Never rejects. */
  readonly ended: Promise<void>;
}

export interface KeptResponse {
  readonly id: string;
  /** Name of who asked; null while keys are off. */
  readonly caller: string | null;
  readonly isEnded: boolean;
  /** Whether another one can go on from it. */
  readonly isWhole: boolean;
  /** As it is now, in the words of its format. */
  whole(): object;
  readonly inputItems: readonly { readonly id: string }[];
  /** Input and answer, with all that came before them. */
  conversation(): readonly Message[];
  readonly background: BackgroundRun | null;
}

export interface StoreLimits {
  readonly maxResponses: number;
  /** Of everything that is kept, as JSON. */
  readonly maxCharacters: number;
}

export class ResponsesStore {
  /** The longest unused first. */
  readonly #kept = new Map<string, { readonly response: KeptResponse; readonly characters: number }>();
  readonly #limits: StoreLimits;
  #characters = 0;

  constructor(limits: StoreLimits = { maxResponses: MAX_RESPONSES, maxCharacters: MAX_CHARACTERS }) {
    this.#limits = limits;
  }

  /** Puts it in, or counts it anew. One that still runs is never dropped. */
  put(response: KeptResponse): void {
    this.delete(response.id);
    const characters = countCharacters(response);
    this.#kept.set(response.id, { response, characters });
    this.#characters += characters;
    this.#makeRoom();
  }

  /** Counts as a use. @param owner whose it must be; null: anybody's */
  get(id: string, owner: string | null = null): KeptResponse | null {
    const found = this.#kept.get(id);
    if (found === undefined || (owner !== null && found.response.caller !== owner)) return null;
    this.#kept.delete(id);
    this.#kept.set(id, found);
    return found.response;
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** False when there was none. */
  delete(id: string): boolean {
    const found = this.#kept.get(id);
    if (found === undefined) return false;
    this.#characters -= found.characters;
    return this.#kept.delete(id);
  }

  #makeRoom(): void {
    const { maxResponses, maxCharacters } = this.#limits;
    for (const [id, { response }] of this.#kept) {
      if (this.#kept.size <= maxResponses && this.#characters <= maxCharacters) return;
      if (response.isEnded) this.delete(id);
    }
  }
}

function countCharacters(response: KeptResponse): number {
  const { inputItems, background } = response;
  const texts = [response.whole(), inputItems, response.conversation()];
  return texts.reduce(
    (sum: number, value) => sum + JSON.stringify(value).length,
    background?.frames.characters ?? 0,
  );
}
