// The turns as the queue that p-queue takes its next task from. Knows no caller.
import type { Queue, QueueAddOptions } from 'p-queue';
import type { Place, Turns } from './turns.js';

type Run = () => Promise<unknown>;

export interface TurnOptions extends QueueAddOptions {
  /** Where the task stands already; its arrival is the task's id, by which p-queue removes it. */
  readonly place: Place;
}

/** p-queue makes one of them itself, and another one when it is cleared. */
export function turnQueueOf(turns: Turns): new () => Queue<Run, TurnOptions> {
  return class TurnQueue implements Queue<Run, TurnOptions> {
    readonly #places = new Map<string, Place>();

    constructor() {
      for (const place of turns.order(performance.now())) if (place.start !== null) turns.leave(place);
    }

    get size(): number {
      return turns.startable;
    }

    enqueue(run: Run, options?: Partial<TurnOptions>): void {
      if (options?.place === undefined) throw new TypeError('A task needs a place in the line');
      this.#places.set(idOf(options.place), options.place);
      turns.setStart(options.place, run);
    }

    dequeue(): Run | undefined {
      const place = turns.take(performance.now());
      if (place === null) return undefined;
      this.#places.delete(idOf(place));
      return place.start ?? undefined;
    }

    remove(id: string): void {
      const place = this.#places.get(id);
      this.#places.delete(id);
      if (place) turns.leave(place);
    }

    filter({ place }: Readonly<Partial<TurnOptions>>): Run[] {
      return [...this.#places.values()].flatMap(({ share, start }) =>
        start !== null && share === place?.share ? [start] : [],
      );
    }

    setPriority(): never {
      throw new TypeError('Callers take turns: there are no priorities');
    }
  };
}

/** What p-queue is to call the task of this place. */
export function idOf({ arrival }: Place): string {
  return String(arrival);
}
