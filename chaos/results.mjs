// What the fault suite found, as a file, as a table and as the README's section. Writes no figure that was not measured.
import { readFileSync, writeFileSync } from 'node:fs';

/** @typedef {Record<string, number | string>} Figures */
/** @typedef {import('../bench/machine.mjs').Machine} Machine */
/** @typedef {{ tried: number, failed: number, faults: string[], figures: Figures }} Found */
/**
 * @typedef {object} Result
 * @property {string} goal
 * @property {string} title
 * @property {'full' | 'short'} scale
 * @property {number} seed
 * @property {string} date YYYY-MM-DD
 * @property {number} seconds
 * @property {Machine} machine
 * @property {number} tried
 * @property {number} failed
 * @property {string[]} faults
 * @property {Figures} figures
 * @property {string | null} notRun what this machine lacks for it
 */

/** @param {string} file @returns {Result[]} none where there is no file yet */
export function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return [];
    throw error;
  }
}

/** Those that ran now take the place of their older ones; the rest stays as it was measured. @param {string} file @param {readonly Result[]} results */
export function writeResults(file, results) {
  const goals = new Set(results.map(({ goal }) => goal));
  const all = [...readResults(file).filter(({ goal }) => !goals.has(goal)), ...results].sort(byGoal);
  writeFileSync(file, `${JSON.stringify(all, null, 1)}\n`);
  return all;
}

/** @param {{ goal: string }} a @param {{ goal: string }} b */
export function byGoal(a, b) {
  return Number(a.goal.slice(1)) - Number(b.goal.slice(1)) || a.goal.localeCompare(b.goal);
}

/** As far as one can be told from another. @param {Machine} a @param {Machine} b */
function isSame(a, b) {
  return a.cpu === b.cpu && a.cores === b.cores && a.memoryGb === b.memoryGb;
}

/** Of most of them. @param {readonly Machine[]} machines */
function commonest(machines) {
  const count = (/** @type {Machine} */ machine) => machines.filter(other => isSame(other, machine)).length;
  return [...machines].sort((a, b) => count(b) - count(a))[0];
}

/**
 * @param {readonly { goal: string, title: string }[]} scenarios all there are @param {readonly Result[]} results
 */
export function reliabilitySection(scenarios, results) {
  const measured = results.filter(({ scale }) => scale === 'full');
  const newest = measured.reduce((latest, { date }) => (date > latest ? date : latest), '');
  const machine = commonest(measured.filter(({ date }) => date === newest).map(result => result.machine));
  const rows = [...scenarios].sort(byGoal).map(({ goal, title }) => {
    const found = measured.find(result => result.goal === goal);
    if (found === undefined || found.notRun !== null) {
      return `| ${goal} | ${title} | – | – | not run${found === undefined ? '' : `: ${found.notRun}`} |`;
    }
    const date = found.date === newest ? [] : [`measured on ${found.date}`];
    const place = machine !== undefined && isSame(found.machine, machine) ? [] : [`on ${found.machine.cpu}`];
    const figures = [
      ...Object.entries(found.figures).map(([what, value]) => `${what} ${spell(value)}`),
      ...date,
      ...place,
    ];
    return `| ${goal} | ${found.title} | ${spell(found.tried)} | ${found.failed === 0 ? '0' : `**${spell(found.failed)}**`} | ${figures.join('; ')} |`;
  });
  const where =
    machine === undefined
      ? 'Not run yet.'
      : `Measured by \`npm run chaos\` on ${newest}: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}.`;
  return [
    where,
    '',
    '|  | what was done to it | tried | failed | figures |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** For a terminal. @param {readonly Result[]} results */
export function table(results) {
  const rows = results.map(({ goal, title, tried, failed, seconds, figures, notRun }) => [
    goal,
    notRun === null ? title : `${title}: not run, ${notRun}`,
    `${spell(tried)} tried`,
    `${spell(failed)} failed`,
    `${Math.round(seconds)} s`,
    Object.entries(figures)
      .map(([what, value]) => `${what} ${spell(value)}`)
      .join('; '),
  ]);
  const widths = [0, 1, 2, 3, 4].map(column => Math.max(0, ...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(row => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

/** @param {number | string} value */
function spell(value) {
  if (typeof value === 'string') return value;
  return (Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100).toLocaleString('en');
}
