// What is searched for in the measurement: of each kind of query many, the same ones in every run. Knows no server.
import { createRandom, vocabulary } from './search-corpus.mjs';

const SEED = 7;

/** @typedef {{ kind: string, query: string }} Asked */

/** @param {number} perKind @returns {readonly Asked[]} in turns, kind by kind */
export function makeQueries(perKind) {
  const random = createRandom(SEED);
  const english = vocabulary('english');
  const german = vocabulary('german');
  /** A word by its rank in the language. @param {number} from @param {number} to @param {readonly string[]} [words] */
  const word = (from, to, words = english) => words[from + Math.floor(random() * (to - from))] ?? '';
  /** @type {Readonly<Record<string, () => string>>} */
  const kinds = {
    rare: () => word(5_000, 39_000),
    medium: () => word(200, 3_000),
    common: () => word(5, 60),
    'in most': () => word(0, 4),
    'three words': () => `${word(0, 30)} ${word(50, 500)} ${word(200, 3_000)}`,
    either: () => `${word(50, 500)} or ${word(5_000, 39_000)} or ${word(0, 30)}`,
    excluded: () => `${word(20, 300)} -${word(0, 30)}`,
    'only excluded': () => `-${word(0, 300)}`,
    phrase: () => `"${word(0, 12)} ${word(0, 12)}"`,
    'rare phrase': () => `"${word(100, 1_000)} ${word(100, 1_000)}"`,
    German: () => `${word(5, 300, german)}`,
    'stop words': () => ['the of', 'and to', 'is that it'][Math.floor(random() * 3)] ?? '',
  };
  const asked = [];
  for (let round = 0; round < perKind; round++) {
    for (const [kind, make] of Object.entries(kinds)) asked.push({ kind, query: make() });
  }
  return asked;
}
