// One load: so many prompts at once, all greedy, and what came of them. The same for servers and for programs in-process.

/** @typedef {import('./http-load.mjs').Stream} Stream */
/**
 * @typedef {object} Load
 * @property {number} clients
 * @property {number} tokensPerSecond of all streams together, until the last token
 * @property {number[]} firstMs one a stream; Infinity where none came in time (null in JSON)
 * @property {number[]} gapsMs between pieces of text of one stream
 * @property {number} short streams that ended before they had all tokens asked for
 * @property {boolean} isCut the time was over before the last stream's end
 */

/** 3-digit numbers, so that all prompts have the same length and none begins as another one goes on. */
const NUMBERS = 900;
let next = 0;

/**
 * Prompts that no server has seen in this run; the answers are far longer than what is asked for.
 * @param {number} count
 */
export function makePrompts(count) {
  return Array.from(
    { length: count },
    () => `Write a very long and detailed story about house number ${100 + (next++ % NUMBERS)}.`,
  );
}

/**
 * @param {readonly Stream[]} streams with the tokens counted
 * @param {{ tokens: number }} asked
 * @returns {Load}
 */
export function toLoad(streams, { tokens: wanted }) {
  const lastMs = Math.max(0, ...streams.map(({ times }) => times.at(-1) ?? 0));
  const tokens = streams.reduce((sum, stream) => sum + (stream.tokens ?? 0), 0);
  return {
    clients: streams.length,
    tokensPerSecond: tokens > 0 ? (tokens / lastMs) * 1000 : 0,
    firstMs: streams.map(({ times }) => times[0] ?? Number.POSITIVE_INFINITY),
    gapsMs: streams.flatMap(({ times }) =>
      times.slice(1).map((time, index) => time - (times[index] ?? time)),
    ),
    short: streams.filter(stream => !stream.isCut && (stream.tokens ?? 0) < wanted).length,
    isCut: streams.some(stream => stream.isCut),
  };
}
