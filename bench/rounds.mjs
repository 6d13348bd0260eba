// The run: rounds in which the systems take turns, within a budget of time.
import { sampleNoise } from './machine.mjs';
import { takeTurn } from './turn.mjs';

/** @typedef {import('./systems.mjs').System} System */
/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./turn.mjs').Effort} Effort */
/** @typedef {import('./results.mjs').Measured} Measured */

/** @type {Effort} */
export const FULL = {
  clients: [1, 4, 8, 16, 32],
  busyClients: [1, 16],
  tokens: 128,
  limitMs: 6_000,
  firstTokens: 8,
  rounds: 3,
};
/** @type {Effort} */
export const QUICK = {
  clients: [1, 16],
  busyClients: [1],
  tokens: 16,
  limitMs: 4_000,
  firstTokens: 2,
  rounds: 1,
};
/** Turns that have not begun by then are left out, the references first: a full run takes 25 minutes at most. */
const BUDGET_MS = 23 * 60_000;
const BETWEEN_TURNS_MS = 500;

/**
 * @param {readonly System[]} systems @param {Map<string, string>} failedPackages why, by package set
 * @param {Places} places @param {Effort} effort @param {(line: string) => void} say
 * @returns {Promise<{ systems: Measured[], mostBusyShare: number }>}
 */
export async function runRounds(systems, failedPackages, places, effort, say) {
  const beganMs = performance.now();
  /** @type {Measured[]} */
  const measured = systems.map(({ id, name, packages }) => ({
    id,
    name,
    unavailable: packages.map(name => failedPackages.get(name)).find(fault => fault !== undefined) ?? null,
    turns: [],
  }));
  let mostBusyShare = 0;
  for (let round = 0; round < effort.rounds; round++) {
    for (const own of measured) own.turns.push(null);
    // Every other round goes backwards, so that no system always follows the same one.
    const order = systems.map((system, index) => ({ system, own: measured[index] }));
    if (round % 2 === 1) order.reverse();
    for (const { system, own } of order) {
      if (own === undefined || own.unavailable !== null || performance.now() - beganMs > BUDGET_MS) continue;
      mostBusyShare = Math.max(mostBusyShare, (await sampleNoise(BETWEEN_TURNS_MS)).busyShare);
      const turn = await takeTurn(system, places, effort, line =>
        say(`${round + 1}/${effort.rounds} ${system.name}: ${line}`),
      );
      own.turns[round] = turn;
      if (own.turns.every(turn => turn?.readyMs === undefined)) own.unavailable = turn.fault ?? 'never ready';
    }
  }
  return { systems: measured, mostBusyShare };
}
