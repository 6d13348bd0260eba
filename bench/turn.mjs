// One turn: a system is started, measured at everything, and stopped again, so that nobody idles beside the next one.
import { setTimeout as sleep } from 'node:timers/promises';
import { measureChat } from './chat-measures.mjs';
import { Child } from './child-process.mjs';
import { RunningSystem } from './running-system.mjs';
import { quantile } from './statistics.mjs';
import { MOST_CLIENTS } from './systems.mjs';

/** @typedef {import('./systems.mjs').System} System */
/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./load.mjs').Load} Load */
/**
 * @typedef {object} Effort How much is measured.
 * @property {readonly number[]} clients
 * @property {readonly number[]} busyClients beside a process that keeps one core busy
 * @property {number} tokens of each answer
 * @property {number} limitMs after which a load is cut
 * @property {number} firstTokens short answers asked one after the other
 * @property {number} rounds
 */
/** @typedef {Pick<Load, 'clients' | 'tokensPerSecond' | 'firstMs' | 'short' | 'isCut'> & { gapP99Ms: number | null }} Figures */
/** @typedef {{ secondTurnRatio: number | null, longPromptGapRatio: number | null, fault?: string }} ChatFigures */
/**
 * @typedef {object} Turn What one turn found; figures that were not reached are missing.
 * @property {string | null} fault why it ended early
 * @property {number} [readyMs] from the start until it said it is ready
 * @property {number} [firstAnswerMs] from the start until its first answer, asked for as soon as it was ready
 * @property {number[]} firstMs of short answers, one at a time
 * @property {Figures[]} loads
 * @property {Figures[]} busyLoads
 * @property {ChatFigures} [chat]
 * @property {number | null} peakBytes
 */

export const REFERENCE_CLIENTS = [1, 16];
const FIRST_ANSWER_LIMIT_MS = 60_000;
const WARM_UP_LIMIT_MS = 15_000;
const SHORT_TOKENS = 4;
const SHORT_LIMIT_MS = 5_000;
const SETTLE_LIMIT_MS = 8_000;
const NEIGHBOUR_STARTS_MS = 300;

/**
 * @param {System} system @param {Places} places @param {Effort} effort @param {(line: string) => void} say
 * @returns {Promise<Turn>}
 */
export async function takeTurn(system, places, effort, say) {
  /** @type {Turn} */
  const turn = { fault: null, firstMs: [], loads: [], busyLoads: [], peakBytes: null };
  let running = new RunningSystem(system, places);
  const restart = async () => {
    await running.stop();
    running = new RunningSystem(system, places);
    await warmUp(running);
  };
  /** @param {number} clients */
  const measure = async clients => {
    const load = await running.run({ clients, tokens: effort.tokens, limitMs: effort.limitMs });
    turn.peakBytes = Math.max(turn.peakBytes ?? 0, running.child.peakBytes() ?? 0) || null;
    say(describeLoad(load));
    if (load.isCut && !(await running.child.settles(SETTLE_LIMIT_MS))) await restart();
    return toFigures(load);
  };
  try {
    Object.assign(turn, await warmUp(running));
    say(`ready after ${seconds(turn.readyMs)}, first answer after ${seconds(turn.firstAnswerMs)}`);
    for (let count = 0; count < effort.firstTokens; count++) {
      const { firstMs } = await running.run({ clients: 1, tokens: SHORT_TOKENS, limitMs: SHORT_LIMIT_MS });
      turn.firstMs.push(...firstMs);
    }
    const clients = effort.clients.filter(count => !system.isReference || REFERENCE_CLIENTS.includes(count));
    for (const count of clients) turn.loads.push(await measure(count));
    if (system.id === 'minivault') turn.chat = await measureChat(running);
    if (!system.isReference) {
      await besideBusyCore(places, async () => {
        for (const count of effort.busyClients) turn.busyLoads.push(await measure(count));
      });
    }
  } catch (error) {
    turn.fault = error instanceof Error ? error.message : String(error);
    say(`failed: ${turn.fault}`);
  } finally {
    await running.stop();
  }
  return turn;
}

/**
 * @param {RunningSystem} running
 * @throws {Error} when it does not start, or gives no answer at all
 */
async function warmUp(running) {
  const readyMs = await running.ready();
  const first = await running.run({ clients: 1, tokens: SHORT_TOKENS, limitMs: FIRST_ANSWER_LIMIT_MS });
  if (first.isCut) throw new Error(`it gave no answer within ${FIRST_ANSWER_LIMIT_MS / 1000} s`);
  const firstAnswerMs = performance.now() - running.startedMs;
  const warm = await running.run({ clients: MOST_CLIENTS / 2, tokens: 8, limitMs: WARM_UP_LIMIT_MS });
  if (warm.isCut) await running.child.settles(SETTLE_LIMIT_MS);
  return { readyMs, firstAnswerMs };
}

/** @param {Places} places @param {() => Promise<void>} work */
async function besideBusyCore(places, work) {
  const neighbour = new Child({
    command: process.execPath,
    args: [`${import.meta.dirname}/busy-core.mjs`],
    cwd: places.scratchDir,
    env: process.env,
  });
  try {
    await sleep(NEIGHBOUR_STARTS_MS);
    await work();
  } finally {
    await neighbour.stop();
  }
}

/** @param {Load} load @returns {Figures} */
function toFigures({ clients, tokensPerSecond, firstMs, gapsMs, short, isCut }) {
  return { clients, tokensPerSecond, firstMs, gapP99Ms: quantile(gapsMs, 0.99), short, isCut };
}

/** @param {Load} load */
function describeLoad({ clients, tokensPerSecond, short, isCut }) {
  const rate = tokensPerSecond === 0 ? 'nothing came' : `${tokensPerSecond.toFixed(1)} tokens/s`;
  return `${clients} at once: ${rate}${short > 0 ? `, ${short} ended early` : ''}${isCut ? ', cut' : ''}`;
}

/** @param {number | undefined} ms */
function seconds(ms) {
  return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`;
}
