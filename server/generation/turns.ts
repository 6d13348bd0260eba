// Whose turn it is: callers take turns, each with its own first come, first served. Knows no slot and no clock.

/** A caller that had a turn goes behind those that had none, for so long at most: then age goes before turns. */
export const AGEING_MS = 30_000;

/** Callers remembered for the turn that is on, beside those who wait. */
const MAX_SERVED = 10_000;

/** One who waits. */
export interface Place {
  readonly share: string;
  readonly arrival: number;
  readonly sinceMs: number;
  /** What gives it its slot; null while it could not use one yet. */
  start: (() => Promise<unknown>) | null;
}

interface Share {
  /** In order of arrival. */
  readonly places: Place[];
  /** Number of the turn that its first place has. */
  turn: number;
  /** When it last had a turn. */
  servedAtMs: number;
}

/**
 * Turns are numbered (start-time fair queueing): who comes anew has the turn that is on, who had one has the next, and all
 * that a caller still has waiting the ones after that. So one prompt of a caller starts before the second of any other, and
 * callers that all have prompts waiting alternate. A caller that waits 30 s moves up a turn, or new ones could keep it
 * waiting for ever. It is the caller that ages, not each prompt: a flood must not gain by its own length.
 */
export class Turns {
  readonly #shares = new Map<string, Share>();
  /** Callers of this turn that have nothing waiting: they must not come back as new ones within it. */
  readonly #served = new Map<string, number>();
  #turn = 0;
  #arrivals = 0;
  #size = 0;
  #startable = 0;
  #order: readonly Place[] | null = null;
  /** When ageing may change the order. */
  #orderUntilMs = 0;
  readonly #positions = new Map<Place, number>();

  /** All who wait. */
  get size(): number {
    return this.#size;
  }

  /** Those of them that could use a slot. */
  get startable(): number {
    return this.#startable;
  }

  join(share: string, nowMs: number): Place {
    const place: Place = { share, arrival: this.#arrivals++, sinceMs: nowMs, start: null };
    const own = this.#shares.get(share);
    if (own) own.places.push(place);
    else {
      const turn = Math.max(this.#turn, this.#served.get(share) ?? 0);
      this.#shares.set(share, { places: [place], turn, servedAtMs: nowMs });
      this.#served.delete(share);
    }
    this.#size += 1;
    this.#order = null;
    return place;
  }

  /** From now on it may be given a slot. */
  setStart(place: Place, start: () => Promise<unknown>): void {
    if (place.start === null) this.#startable += 1;
    place.start = start;
  }

  /** Without a turn. False when it was not there. */
  leave(place: Place): boolean {
    const own = this.#shares.get(place.share);
    const index = own?.places.indexOf(place) ?? -1;
    if (own === undefined || index < 0) return false;
    own.places.splice(index, 1);
    this.#size -= 1;
    if (place.start !== null) this.#startable -= 1;
    this.#order = null;
    if (own.places.length === 0) {
      this.#shares.delete(place.share);
      if (own.turn > this.#turn) this.#remember(place.share, own.turn);
    }
    return true;
  }

  /** Takes out the next of those who could use a slot; null when there is none. */
  take(nowMs: number): Place | null {
    let next: Place | null = null;
    let nextKey = Number.POSITIVE_INFINITY;
    for (const share of this.#shares.values()) {
      const index = share.places.findIndex(({ start }) => start !== null);
      const place = share.places[index];
      if (place === undefined) continue;
      const key = turnOf(share, index, nowMs);
      if (key < nextKey || (key === nextKey && next !== null && place.arrival < next.arrival)) {
        next = place;
        nextKey = key;
      }
    }
    const share = next && this.#shares.get(next.share);
    if (next === null || !share) return null;
    if (share.turn > this.#turn) this.#begin(share.turn);
    share.turn += 1;
    share.servedAtMs = nowMs;
    this.leave(next);
    return next;
  }

  /** All who wait, as they would be taken if slots came free now. */
  order(nowMs: number): readonly Place[] {
    if (this.#order !== null && nowMs < this.#orderUntilMs) return this.#order;
    const keyed: { readonly place: Place; readonly key: number }[] = [];
    this.#orderUntilMs = Number.POSITIVE_INFINITY;
    for (const share of this.#shares.values()) {
      for (const [index, place] of share.places.entries()) {
        keyed.push({ place, key: turnOf(share, index, nowMs) });
      }
      const agesAtMs = share.servedAtMs + (levelsOf(share, nowMs) + 1) * AGEING_MS;
      this.#orderUntilMs = Math.min(this.#orderUntilMs, agesAtMs);
    }
    keyed.sort((a, b) => a.key - b.key || a.place.arrival - b.place.arrival);
    this.#order = keyed.map(({ place }) => place);
    this.#positions.clear();
    for (const [index, place] of this.#order.entries()) this.#positions.set(place, index + 1);
    return this.#order;
  }

  /** 1 is next; 0 for one who does not wait. Costs a look-up unless the order has changed since somebody asked. */
  positionOf(place: Place, nowMs: number): number {
    this.order(nowMs);
    return this.#positions.get(place) ?? 0;
  }

  #remember(share: string, turn: number): void {
    // Nobody is kept waiting by who comes back to an empty line.
    if (this.#size === 0) this.#served.clear();
    else this.#served.set(share, turn);
    const [oldest] = this.#served.keys();
    if (this.#served.size > MAX_SERVED && oldest !== undefined) this.#served.delete(oldest);
  }

  #begin(turn: number): void {
    this.#turn = turn;
    for (const [share, next] of this.#served) if (next <= turn) this.#served.delete(share);
  }
}

/** Only the first of a caller's places has waited since its last turn: the others wait for that one. */
function turnOf(share: Share, index: number, nowMs: number): number {
  return share.turn + index - (index === 0 ? levelsOf(share, nowMs) : 0);
}

function levelsOf({ servedAtMs }: Share, nowMs: number): number {
  return Math.floor((nowMs - servedAtMs) / AGEING_MS);
}
