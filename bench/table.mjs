// The README's performance section, from results.
import { isQuiet } from './machine.mjs';
import { toFigures } from './results.mjs';
import { isReached, listTargets } from './targets.mjs';

/** @typedef {import('./results.mjs').Results} Results */
/** @typedef {import('./results.mjs').Figures} Figures */
/** @typedef {import('./targets.mjs').Target} Target */

const NONE = '–';

/**
 * @param {Results} results @param {string} plot path of the plot as the README names it
 * @returns {string} Markdown
 */
export function toSection(results, plot) {
  const figures = toFigures(results);
  const systems = [...figures.values()];
  const { effort } = results;
  return [
    describeRun(results),
    ...noiseWarning(results),
    '',
    `![Tokens per second by clients at once](${plot})`,
    '',
    ...table(
      [
        'tokens/s',
        ...effort.clients.map(count => `${count} at once`),
        ...effort.busyClients.map(count => `${count}, busy`),
      ],
      systems.map(own => [
        own.name,
        ...effort.clients.map(count => rateCell(own.rate(count))),
        ...effort.busyClients.map(count => rateCell(own.rate(count, { busy: true }))),
      ]),
    ),
    '',
    ...table(
      [
        '',
        'ready after',
        'first answer after',
        'first token, 1 (p50 / p95)',
        'first token, 16 at once (p50 / p95)',
        'gap p99, 1 / 16',
        'peak memory',
      ],
      systems
        .filter(({ unavailable }) => unavailable === null)
        .map(own => [own.name, ...delayCells(own, effort)]),
    ),
    '',
    ...table(
      ['aim', 'target', 'reached'],
      listTargets(figures).map(target => [target.what, aim(target), verdict(target)]),
    ),
    '',
    ...systems.flatMap(own => own.remarks().map(remark => `- ${own.name}: ${remark}.`)),
  ].join('\n');
}

/** @param {Results} results */
function describeRun({ date, machine, versions, effort, minutes }) {
  const { cpu, cores, flags, memoryGb, system, node } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured by \`npm run bench\` on ${date} in ${Math.round(minutes)} minutes: ${cpu}, ${cores} cores (${flags.join(', ') || 'no telling flags'}), ${memoryGb} GB, ${system}, Node ${node},`,
    `${names.join(', ')}. SmolLM2-135M-Instruct, greedy, ${effort.tokens} tokens an answer, over HTTP unless a row says in-process;`,
    `the prompts differ in a number. Medians of ${effort.rounds} rounds in which the systems take turns, each started anew and alone;`,
    `ratios are medians of the rounds' own. A load is cut after ${effort.limitMs / 1000} s. “busy”: beside a process that keeps one core busy.`,
    'node-llama-cpp computes in Q4_1, behind a bare `node:http`, with all cores, flash attention and one context for all',
    'sequences; `transformers` peers compute in the type that is faster on this CPU.',
  ].join('\n');
}

/** @param {Results} results */
function noiseWarning({ noise }) {
  const { atStart, mostBusyShare } = noise;
  const most = Math.max(atStart.busyShare, mostBusyShare);
  if (isQuiet({ ...atStart, busyShare: most })) return [];
  const load = atStart.loadAverage.toFixed(2);
  return [
    '',
    `**The machine was not quiet: other programs kept up to ${Math.round(most * 100)} % of it busy (load average ${load} at the start). These figures mislead.**`,
  ];
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`);
}

/** @param {number | null} rate */
function rateCell(rate) {
  return rate === null ? NONE : formatNumber(rate);
}

/** @param {Figures} own @param {import('./turn.mjs').Effort} effort */
function delayCells(own, { limitMs }) {
  /** @param {number} clients */
  const first = clients => {
    const [p50, p95] = [0.5, 0.95].map(share => own.firstMs(share, clients));
    return p50 == null || p95 == null ? NONE : `${formatMs(p50, limitMs)} / ${formatMs(p95, limitMs)}`;
  };
  const [gap, gapOfMany] = [1, 16].map(clients => own.gapP99Ms(clients));
  const peak = own.peakBytes();
  return [
    formatSeconds(own.readyMs()),
    formatSeconds(own.firstAnswerMs()),
    first(1),
    first(16),
    `${gap == null ? NONE : formatMs(gap, limitMs)} / ${gapOfMany == null ? NONE : formatMs(gapOfMany, limitMs)}`,
    peak === null ? NONE : `${(peak / 2 ** 30).toFixed(1)} GB`,
  ];
}

/** @param {Target} target */
function aim({ atLeast, atMost, unit }) {
  const sign = atLeast === undefined ? '≤' : '≥';
  return `${sign} ${atLeast ?? atMost}${unit === '' ? '' : ` ${unit}`}`;
}

/** @param {Target} target */
function verdict(target) {
  const reached = isReached(target);
  if (target.value === null || reached === null) return 'not measured';
  const figure = target.unit === 'ms' ? formatNumber(target.value) : target.value.toFixed(2);
  return `${reached ? 'yes' : '**no**'}: ${figure}${target.unit === '' ? '' : ` ${target.unit}`}`;
}

/** @param {number} value */
function formatNumber(value) {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

/** @param {number} ms @param {number} limitMs */
function formatMs(ms, limitMs) {
  if (!Number.isFinite(ms)) return `over ${limitMs / 1000} s`;
  return ms < 10_000 ? `${formatNumber(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

/** @param {number | null} ms */
function formatSeconds(ms) {
  return ms === null ? NONE : `${(ms / 1000).toFixed(1)} s`;
}
