// Chance that can be had again: everything random in a scenario comes from one seed. Knows no scenario.

/** @typedef {() => number} Random uniform in [0, 1) */

/**
 * Mulberry32: small, and the same on every machine.
 * @param {number} seed @returns {Random}
 */
export function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for each name, so that a scenario run alone draws what it draws among others. @param {number} seed @param {string} name */
export function seedOf(seed, name) {
  let hash = seed >>> 0;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

/** @param {Random} random @param {number} from @param {number} to not included */
export function between(random, from, to) {
  return from + random() * (to - from);
}

/** A whole number. @param {Random} random @param {number} from @param {number} to included */
export function wholeBetween(random, from, to) {
  return Math.floor(between(random, from, to + 1));
}

/** @template T @param {Random} random @param {readonly T[]} items one at least @returns {T} */
export function pick(random, items) {
  return /** @type {T} */ (items[Math.floor(random() * items.length)]);
}
