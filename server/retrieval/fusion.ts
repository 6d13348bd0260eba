// One ranking out of several: reciprocal rank fusion. Knows neither what is ranked nor by whom.

/** Of the paper (Cormack, Clarke and Büttcher 2009): how little the first place of one list outweighs the next. */
const RANK_CONSTANT = 60;

export interface Fused<T> {
  /** As the first list that has it gave it. */
  readonly item: T;
  /** Sum of 1 / (60 + place) over the lists that have it. */
  readonly score: number;
  /** Its place in each list, 1 is the best; null where a list has not got it. */
  readonly places: readonly (number | null)[];
}

/**
 * All items of all lists, the best first. Each list is ordered from its best; an item that it repeats counts where it
 * stands first. Equal scores are in the order in which the lists, one place after the other, name them.
 */
export function fuseRankings<T>(
  lists: readonly (readonly T[])[],
  keyOf: (item: T) => string,
): readonly Fused<T>[] {
  const known = new Map<string, { item: T; score: number; places: (number | null)[] }>();
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let index = 0; index < longest; index += 1) {
    for (const [which, list] of lists.entries()) {
      if (index >= list.length) continue;
      const item = list[index] as T;
      const key = keyOf(item);
      const fused = known.get(key) ?? { item, score: 0, places: lists.map(() => null) };
      known.set(key, fused);
      if (fused.places[which] !== null) continue;
      fused.places[which] = index + 1;
      fused.score += 1 / (RANK_CONSTANT + index + 1);
    }
  }
  return [...known.values()].sort((a, b) => b.score - a.score);
}
