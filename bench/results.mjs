// The results of one run as a file, and the figures that tables and plots show of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { median, medianRatio, quantile } from './statistics.mjs';

/** @typedef {import('./turn.mjs').Turn} Turn */
/**
 * @typedef {object} Measured
 * @property {string} id
 * @property {string} name
 * @property {string | null} unavailable why there is no figure at all
 * @property {(Turn | null)[]} turns one a round; null where it had none
 */
/**
 * @typedef {object} Results
 * @property {string} date YYYY-MM-DD
 * @property {import('./machine.mjs').Machine} machine
 * @property {Record<string, string>} versions
 * @property {{ atStart: import('./machine.mjs').Noise, mostBusyShare: number }} noise mostBusyShare: of all cores, between turns
 * @property {import('./turn.mjs').Effort} effort
 * @property {number} minutes
 * @property {Measured[]} systems
 */

/** @param {string} file @param {Results} results never-came is null in JSON */
export function writeResults(file, results) {
  /** @param {string} _ @param {unknown} value */
  const shorten = (_, value) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value);
  writeFileSync(file, `${JSON.stringify(results, shorten, 1)}\n`);
}

/** @param {string} file @returns {Results} */
export function readResults(file) {
  return JSON.parse(readFileSync(file, 'utf8'), (key, value) =>
    key === 'firstMs'
      ? value.map((/** @type {number | null} */ ms) => ms ?? Number.POSITIVE_INFINITY)
      : value,
  );
}

/** One system's figures over all rounds; null for what was not measured. */
export class Figures {
  /** @param {Measured} measured */
  constructor({ id, name, unavailable, turns }) {
    this.id = id;
    this.name = name;
    this.unavailable = unavailable;
    this.turns = turns;
    this.known = turns.filter(turn => turn !== null);
  }

  /**
   * Tokens a second, one figure a round.
   * @param {number} clients @param {{ busy?: boolean }} [options] busy: beside a process that keeps one core busy
   */
  ratesByRound(clients, { busy = false } = {}) {
    return this.turns.map(turn => {
      const loads = busy ? turn?.busyLoads : turn?.loads;
      return loads?.find(load => load.clients === clients)?.tokensPerSecond ?? null;
    });
  }

  /** @param {number} clients @param {{ busy?: boolean }} [options] */
  rate(clients, options) {
    return median(this.ratesByRound(clients, options));
  }

  /** @param {number} share 0 to 1 @param {number} clients 1: of short answers; more: of all that asked at once */
  firstMs(share, clients) {
    return quantile(
      this.known.flatMap(turn => (clients === 1 ? turn.firstMs : this.#load(turn, clients)?.firstMs) ?? []),
      share,
    );
  }

  /** @param {number} clients */
  gapP99Ms(clients) {
    return median(this.known.map(turn => this.#load(turn, clients)?.gapP99Ms));
  }

  readyMs() {
    return median(this.known.map(turn => turn.readyMs));
  }

  firstAnswerMs() {
    return median(this.known.map(turn => turn.firstAnswerMs));
  }

  /** @returns {number | null} */
  peakBytes() {
    return this.known.reduce((most, { peakBytes }) => Math.max(most, peakBytes ?? 0), 0) || null;
  }

  /** @param {'secondTurnRatio' | 'longPromptGapRatio'} name */
  chat(name) {
    return median(this.known.map(turn => turn.chat?.[name]));
  }

  /** What a reader of its figures has to know. */
  remarks() {
    const loads = this.known.flatMap(turn => [...turn.loads, ...turn.busyLoads]);
    const short = loads.reduce((sum, load) => sum + load.short, 0);
    const streams = loads.reduce((sum, load) => sum + load.firstMs.length, 0);
    const faults = this.known.flatMap(turn => [turn.fault, turn.chat?.fault]).filter(fault => fault != null);
    return [
      ...(this.unavailable === null ? [] : [`not measured: ${this.unavailable}`]),
      ...(short === 0 ? [] : [`${short} of ${streams} answers ended before all tokens were there`]),
      ...(this.known.length === 0 || this.known.length === this.turns.length
        ? []
        : [`${this.known.length} of ${this.turns.length} rounds`]),
      ...new Set(this.unavailable === null ? faults : []),
    ];
  }

  /** @param {Turn} turn @param {number} clients */
  #load(turn, clients) {
    return turn.loads.find(load => load.clients === clients);
  }
}

/** @param {Results} results @returns {Map<string, Figures>} by id */
export function toFigures({ systems }) {
  return new Map(systems.map(measured => [measured.id, new Figures(measured)]));
}

/**
 * @param {Figures | undefined} above @param {Figures | undefined} below @param {number} clients
 * @param {{ busy?: boolean, belowBusy?: boolean }} [options]
 */
export function rateRatio(above, below, clients, { busy = false, belowBusy = busy } = {}) {
  if (above === undefined || below === undefined) return null;
  return medianRatio(above.ratesByRound(clients, { busy }), below.ratesByRound(clients, { busy: belowBusy }));
}
