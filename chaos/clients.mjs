// A crowd of clients that ask one question after the other, in every dialect; some lose patience. Knows no fault.
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './client.mjs';
import { DIALECTS } from './dialects.mjs';
import { pick, wholeBetween } from './random.mjs';

const PAUSE_WHEN_REFUSED_MS = 20;

/** @typedef {import('./ledger.mjs').Entry} Entry */
/**
 * @typedef {object} CrowdOptions
 * @property {number} clients at once
 * @property {import('./ledger.mjs').Ledger} ledger
 * @property {import('./random.mjs').Random} random
 * @property {() => boolean} isOver looked at before each question
 * @property {readonly import('./dialects.mjs').Dialect[]} [dialects]
 * @property {number} [tokens]
 * @property {number} [leaveShare] of the questions, whose client breaks the connection at some piece of text
 * @property {number} [pauseMs] before the next question of one who was refused, or met nobody
 * @property {(entry: Entry) => void} [onText]
 * @property {(entry: Entry) => void} [onEnd]
 */

/** Resolves when all have their last answer. @param {string} url @param {CrowdOptions} options */
export async function crowd(url, options) {
  const { clients, ledger, random, isOver, dialects = DIALECTS, tokens = 10, leaveShare = 0.1 } = options;
  const { pauseMs = PAUSE_WHEN_REFUSED_MS, onText, onEnd } = options;
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      while (!isOver()) {
        const dialect = pick(random, dialects);
        const leaveAfterPieces = random() < leaveShare ? wholeBetween(random, 0, tokens) : null;
        const entry = await ask(url, ledger, {
          dialect,
          tokens,
          agent,
          ...(leaveAfterPieces === null ? {} : { leaveAfterPieces }),
          ...(onText === undefined ? {} : { onText }),
        });
        onEnd?.(entry);
        if (entry.outcome === 'unreached' || entry.outcome === 'refused') await sleep(pauseMs);
      }
    } finally {
      agent.destroy();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}
