// What was aimed at, and whether this run reached it.
import { rateRatio } from './results.mjs';

/** @typedef {import('./results.mjs').Figures} Figures */
/** @typedef {{ what: string, atLeast?: number, atMost?: number, unit: '' | 'ms' | 's', value: number | null }} Target */

/** @param {Map<string, Figures>} figures @returns {Target[]} */
export function listTargets(figures) {
  const own = figures.get('minivault');
  /** @param {string} peer @param {number} clients @param {object} [options] */
  const over = (peer, clients, options) => rateRatio(own, figures.get(peer), clients, options);
  /** @param {number} clients */
  const besideBusy = clients => rateRatio(own, own, clients, { busy: true, belowBusy: false });
  const readyMs = own?.readyMs() ?? null;
  return [
    ratio('1 client ÷ node-llama-cpp', 1.5, over('llama', 1)),
    ratio('1 client ÷ `transformers serve`', 5, over('serve', 1)),
    ratio('16 clients ÷ node-llama-cpp', 3, over('llama', 16)),
    ratio('16 clients ÷ `transformers serve --continuous-batching`', 1.5, over('serve-cb', 16)),
    ratio('16 clients ÷ `transformers serve`', 12, over('serve', 16)),
    ratio('through HTTP ÷ the same engine in-process, 1 client', 0.97, over('engine', 1)),
    ratio('through HTTP ÷ the same engine in-process, 16 clients', 0.97, over('engine', 16)),
    limit('first token p50, 1 client', 60, 'ms', own?.firstMs(0.5, 1) ?? null),
    limit('first token p50, 16 at once', 400, 'ms', own?.firstMs(0.5, 16) ?? null),
    limit(
      'second turn of a 1,000-token chat: first token ÷ first turn’s',
      0.25,
      '',
      own?.chat('secondTurnRatio') ?? null,
    ),
    limit(
      'longest gap while a 1,500-token prompt enters ÷ ordinary gap',
      4,
      '',
      own?.chat('longPromptGapRatio') ?? null,
    ),
    ratio('beside a busy process ÷ alone, 1 client', 0.5, besideBusy(1)),
    ratio('beside a busy process ÷ alone, 16 clients', 0.5, besideBusy(16)),
    ratio('the same, 1 client ÷ node-llama-cpp beside it', 5, over('llama', 1, { busy: true })),
    limit('ready after boot, warm disk', 6, 's', readyMs === null ? null : readyMs / 1000),
  ];
}

/** @param {string} what @param {number} atLeast @param {number | null} value @returns {Target} */
function ratio(what, atLeast, value) {
  return { what, atLeast, unit: '', value };
}

/** @param {string} what @param {number} atMost @param {Target['unit']} unit @param {number | null} value @returns {Target} */
function limit(what, atMost, unit, value) {
  return { what, atMost, unit, value };
}

/** @param {Target} target @returns {boolean | null} null when it was not measured */
export function isReached({ atLeast, atMost, value }) {
  if (value === null) return null;
  return atLeast === undefined ? value <= (atMost ?? Number.POSITIVE_INFINITY) : value >= atLeast;
}
