// What the clients of a scenario saw, one entry a request: the half of the truth that the gateway does not write itself.
import { wholeBetween } from './random.mjs';

/** Where one request's marks could stand in another's answer. */
export const NONCE = /\bq[\da-f]{12}z\b/g;

/**
 * `completed`, `failed`: it had that end. `refused`: an error status. `left`: the client went first. `cut`: the
 * connection ended without an end of the answer. `unreached`: nobody listened. `hung`: nothing came for too long.
 * @typedef {'running' | 'completed' | 'failed' | 'refused' | 'left' | 'cut' | 'unreached' | 'hung'} Outcome
 */
/**
 * Whether a text can be the beginning of its answer, in the log as at the client.
 * @typedef {(text: string, entry: Entry) => boolean} Expects
 */
/**
 * @typedef {object} Entry
 * @property {number} number in order of asking
 * @property {string} nonce stands in the prompt, and so in the answer of the fake engine
 * @property {string} prompt
 * @property {string} dialect
 * @property {Expects} expects
 * @property {number | null} words how many a whole answer has; null: any number
 * @property {string | null} id as the gateway told it
 * @property {number | null} status
 * @property {Record<string, string | string[] | undefined>} headers
 * @property {number} bytes
 * @property {string} text
 * @property {number} pieces of text
 * @property {string[]} terminals every record that ends an answer, in order: one, if all is well
 * @property {string | null} code of the error that ended or refused it
 * @property {string[]} strays nonces of others that it received
 * @property {Outcome} outcome
 * @property {number} askedAtMs
 * @property {number | null} headersAtMs
 * @property {number | null} firstTextAtMs
 * @property {number | null} lastTextAtMs
 * @property {number} longestGapMs between two pieces of text
 * @property {number | null} endedAtMs
 */
/**
 * @typedef {object} Question
 * @property {string} dialect
 * @property {number | null} [words]
 * @property {Expects} [expects] an echo, unless it says otherwise
 * @property {string} [prompt] what follows the nonce, instead of words made up
 * @property {boolean} [isBare] the prompt has no nonce before it; the log is then joined by id alone
 */

export class Ledger {
  /** @type {Entry[]} */
  entries = [];
  #random;

  /** @param {import('./random.mjs').Random} random */
  constructor(random) {
    this.#random = random;
  }

  /** A new entry, with a prompt and a nonce of its own. @param {Question} question @returns {Entry} */
  open({ dialect, words = null, expects = echoes, prompt = this.#words(), isBare = false }) {
    const number = this.entries.length;
    const mark = Math.floor(this.#random() * 2 ** 28).toString(16);
    const nonce = `q${mark.padStart(7, '0')}${(number % 0x100000).toString(16).padStart(5, '0')}z`;
    /** @type {Entry} */
    const entry = {
      number,
      nonce,
      prompt: isBare ? prompt : `${nonce} ${prompt}`,
      dialect,
      expects,
      words,
      id: null,
      status: null,
      headers: {},
      bytes: 0,
      text: '',
      pieces: 0,
      terminals: [],
      code: null,
      strays: [],
      outcome: 'running',
      askedAtMs: performance.now(),
      headersAtMs: null,
      firstTextAtMs: null,
      lastTextAtMs: null,
      longestGapMs: 0,
      endedAtMs: null,
    };
    this.entries.push(entry);
    return entry;
  }

  #words() {
    const count = wholeBetween(this.#random, 1, 12);
    return Array.from({ length: count }, () => `w${wholeBetween(this.#random, 0, 9_999)}`).join(' ');
  }

  /** @returns {Record<Outcome, number>} */
  counts() {
    const counts = {
      running: 0,
      completed: 0,
      failed: 0,
      refused: 0,
      left: 0,
      cut: 0,
      unreached: 0,
      hung: 0,
    };
    for (const { outcome } of this.entries) counts[outcome] += 1;
    return counts;
  }
}

/** As the fake engine answers: the prompt, over and over. @type {Expects} */
export function echoes(text, { prompt }) {
  const round = `${prompt.trim().split(/\s+/).join(' ')} `;
  return round.repeat(Math.ceil(text.length / round.length) + 1).startsWith(text);
}

/** @type {Expects} */
export function anything() {
  return true;
}
