// Medians and quantiles. Knows nothing of what is measured.

/**
 * The value below which `share` of the values lie, by nearest rank; null when there are none.
 * Infinity stands for "not within the time it had" and sorts last.
 * @param {readonly number[]} values @param {number} share 0 to 1
 * @returns {number | null}
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => (a === b ? 0 : a - b));
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? null;
}

/** @param {readonly (number | null | undefined)[]} values those that are missing are left out */
export function median(values) {
  const known = values
    .filter(value => value !== null && value !== undefined)
    .sort((a, b) => (a === b ? 0 : a - b));
  const upper = known[Math.floor(known.length / 2)];
  const lower = known[Math.ceil(known.length / 2) - 1];
  if (upper === undefined || lower === undefined) return null;
  return upper === lower ? upper : (lower + upper) / 2;
}

/**
 * The median of the rounds' own ratios: what differs from round to round, the machine's mood above all, cancels out.
 * @param {readonly (number | null)[]} above @param {readonly (number | null)[]} below one a round, both
 */
export function medianRatio(above, below) {
  return median(
    above.map((value, round) => {
      const divisor = below[round];
      return value === null || !divisor || !Number.isFinite(value / divisor) ? null : value / divisor;
    }),
  );
}
