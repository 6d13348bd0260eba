// Stretches of the table of exchanges, by the number that each row came with: how the index of words names them
// (migrations/001-exchanges.ts), and which one a search reads next. Knows no database.

/** Rows of the least stretch that the index knows by a key of its own, and of the greater one. */
const FINE_BITS = 10;
const COARSE_BITS = 16;
const FINE = 1 << FINE_BITS;
const COARSE = 1 << COARSE_BITS;
const MAX_GROWTH = 64;

/** Numbers from `low` to under `high`, both multiples of the least stretch. */
export interface Stretch {
  readonly low: number;
  readonly high: number;
}

const alignDown = (number: number, rows: number): number => Math.floor(number / rows) * rows;

/** The least one that has this number, which is its last: of 1 to 1,024 rows. */
export function firstStretch(lastNumber: number): Stretch {
  const high = alignDown(lastNumber, FINE) + FINE;
  return { low: Math.max(0, high - FINE), high };
}

export interface Yield {
  /** Numbers searched so far, what the index found in them, and what of that matches. */
  readonly searched: number;
  readonly examined: number;
  readonly found: number;
  /** In all, and at most in one stretch by the index. */
  readonly wanted: number;
  readonly maxExamined: number;
}

/**
 * The one before, as long as what is still wanted makes probable, not so long that the index probably finds too much,
 * and at most 64 times as long as all that was searched.
 */
export function nextStretch(
  before: Stretch,
  { searched, examined, found, wanted, maxExamined }: Yield,
): Stretch {
  const likely = (((wanted - found) * searched) / found) * 1.3;
  const bearable = ((maxExamined * searched) / examined) * 0.7;
  return stretchBefore(before.low, Math.min(likely, bearable, searched * MAX_GROWTH));
}

/** The last part of a stretch that proved too rich; the least stretch is given as it is. */
export function shorterStretch({ low, high }: Stretch): Stretch {
  const rows = high - low;
  return rows <= FINE ? { low, high } : stretchBefore(high, rows / 8);
}

function stretchBefore(high: number, rows: number): Stretch {
  const low = high - Math.max(FINE, rows);
  return { low: Math.max(0, alignDown(low, rows >= COARSE ? COARSE : FINE)), high };
}

/** What the index has for its rows, as the expression of its second column makes it: few keys however long it is. */
export function keysOf({ low, high }: Stretch): readonly number[] {
  const keys: number[] = [];
  for (let number = low; number < high; ) {
    const isCoarse = number % COARSE === 0 && number + COARSE <= high;
    keys.push(isCoarse ? -1 - number / COARSE : number / FINE);
    number += isCoarse ? COARSE : FINE;
  }
  return keys;
}
