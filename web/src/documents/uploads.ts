// Files on their way to the gateway, one after the other, each with how far it is and what became of it. Knows neither the
// page nor how a file is sent.
import { signal } from '@preact/signals';
import type { AddedDocument } from '../api/documents.js';

export type UploadState =
  | { readonly kind: 'waiting' }
  /** `share` of it has been sent, from 0 to 1; then it is read and embedded. */
  | { readonly kind: 'sending'; readonly share: number }
  | { readonly kind: 'added' | 'duplicate'; readonly document: AddedDocument }
  | { readonly kind: 'refused'; readonly error: unknown }
  | { readonly kind: 'cancelled' };

export interface Upload {
  readonly id: number;
  readonly name: string;
  readonly bytes: number;
  readonly state: UploadState;
}

/** What a browser tells of a file. */
type Named = Pick<File, 'name' | 'size'>;

/** Sends one, telling how much of it is sent. */
export type Sender<F> = (
  file: F,
  onSent: (share: number) => void,
  signal: AbortSignal,
) => Promise<AddedDocument>;

export function isUnderWay({ state: { kind } }: Upload): boolean {
  return kind === 'waiting' || kind === 'sending';
}

export class Uploads<F extends Named> {
  /** In the order in which they were given. */
  readonly items = signal<readonly Upload[]>([]);
  readonly #send: Sender<F>;
  readonly #onAdded: () => void;
  readonly #files = new Map<number, F>();
  #last = 0;
  #running: { readonly id: number; readonly leaving: AbortController } | null = null;

  /** @param onAdded called after each document that is new */
  constructor(send: Sender<F>, onAdded: () => void) {
    this.#send = send;
    this.#onAdded = onAdded;
  }

  add(files: readonly F[]): void {
    const added = files.map((file): Upload => {
      const id = ++this.#last;
      this.#files.set(id, file);
      return { id, name: file.name, bytes: file.size, state: { kind: 'waiting' } };
    });
    this.items.value = [...this.items.value, ...added];
    void this.#run();
  }

  /** One that waits or is being sent is not kept; for one that is over, nothing happens. */
  cancel(id: number): void {
    const item = this.items.value.find(one => one.id === id);
    if (item === undefined || !isUnderWay(item)) return;
    this.#set(id, { kind: 'cancelled' });
    if (this.#running?.id === id) this.#running.leaving.abort();
  }

  /** Sends one again that was refused or cancelled. */
  again(id: number): void {
    const item = this.items.value.find(one => one.id === id);
    if (item?.state.kind !== 'refused' && item?.state.kind !== 'cancelled') return;
    this.#set(id, { kind: 'waiting' });
    void this.#run();
  }

  /** Takes those that are over from the list. */
  clear(): void {
    for (const item of this.items.value) if (!isUnderWay(item)) this.#files.delete(item.id);
    this.items.value = this.items.value.filter(isUnderWay);
  }

  async #run(): Promise<void> {
    if (this.#running !== null) return;
    for (;;) {
      const next = this.items.value.find(({ state }) => state.kind === 'waiting');
      const file = next && this.#files.get(next.id);
      if (next === undefined || file === undefined) return;
      this.#running = { id: next.id, leaving: new AbortController() };
      await this.#sendOne(next.id, file, this.#running.leaving.signal);
      this.#running = null;
    }
  }

  async #sendOne(id: number, file: F, signal: AbortSignal): Promise<void> {
    this.#set(id, { kind: 'sending', share: 0 });
    try {
      const document = await this.#send(
        file,
        share => {
          if (!signal.aborted) this.#set(id, { kind: 'sending', share });
        },
        signal,
      );
      if (signal.aborted) return;
      this.#set(id, { kind: document.status, document });
      if (document.status === 'added') this.#onAdded();
    } catch (error) {
      if (!signal.aborted) this.#set(id, { kind: 'refused', error });
    }
  }

  #set(id: number, state: UploadState): void {
    this.items.value = this.items.value.map(item => (item.id === id ? { ...item, state } : item));
  }
}
