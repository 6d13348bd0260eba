// The seed of an exchange whose client named none.
import { randomInt } from 'node:crypto';

/** randomInt's own limit; also exact as a JSON number. */
const SEED_LIMIT = 2 ** 48 - 1;

export function drawSeed(): number {
  return randomInt(SEED_LIMIT);
}
