// `npm run bench`: this gateway beside its peers, in one run on one machine. Table and plot go into the README.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { guardSignals } from '../setup/interrupt.mjs';
import { describeMachine, describeNoise, fastestType, sampleNoise } from './machine.mjs';
import { parseOptions, Refusal, USAGE } from './options.mjs';
import { installPeers, PEER_VERSIONS } from './peer-packages.mjs';
import { findPlaces, REPOSITORY_DIR } from './places.mjs';
import { toPlot } from './plot.mjs';
import { writeSection } from './readme-section.mjs';
import { readResults, writeResults } from './results.mjs';
import { FULL, QUICK, runRounds } from './rounds.mjs';
import { listSystems } from './systems.mjs';
import { toSection } from './table.mjs';

/** @typedef {import('./results.mjs').Results} Results */

const RESULTS = path.join(import.meta.dirname, 'results.json');
const PLOT = path.join(import.meta.dirname, 'performance.svg');
const README = path.join(REPOSITORY_DIR, 'README.md');

/** @param {string} line */
const say = line => process.stderr.write(`${line}\n`);

/**
 * Writes the results, and draws what can be drawn again from their file.
 * @param {Results} results @param {string | null} out
 */
function publish(results, out) {
  if (out !== null) mkdirSync(out, { recursive: true });
  const file = out === null ? RESULTS : path.join(out, 'results.json');
  writeResults(file, results);
  const written = readResults(file);
  if (out === null) {
    writeFileSync(PLOT, toPlot(written));
    writeSection(README, 'performance', toSection(written, 'bench/performance.svg'));
  } else {
    writeFileSync(path.join(out, 'performance.svg'), toPlot(written));
    writeFileSync(path.join(out, 'performance.md'), `${toSection(written, 'performance.svg')}\n`);
  }
}

/** @param {readonly string[]} names of packages @returns {Record<string, string>} as requirements.txt pins them */
function pinnedVersions(names) {
  const text = readFileSync(path.join(REPOSITORY_DIR, 'requirements.txt'), 'utf8');
  return Object.fromEntries(
    names.map(name => [name, new RegExp(`^${name}==([^\\s;]+)`, 'm').exec(text)?.[1] ?? 'unknown']),
  );
}

/** @param {import('./options.mjs').Options} options @returns {Promise<Results>} */
async function measure({ systems: chosen, quick, force }) {
  const machine = describeMachine();
  const noise = await sampleNoise();
  const disturbance = describeNoise(noise);
  if (disturbance !== null) {
    if (!force) throw new Refusal(`${disturbance}; end them, or add --force for figures that mislead`);
    say(`Warning: ${disturbance}. These figures will mislead.`);
  }
  const scratchDir = mkdtempSync(path.join(tmpdir(), 'minivault-bench-'));
  const giveSignalsBack = guardSignals(() => rmSync(scratchDir, { recursive: true, force: true }));
  try {
    const places = await findPlaces(scratchDir);
    const all = listSystems(fastestType(machine.flags));
    const systems = all.filter(({ id }) => chosen?.includes(id) ?? true);
    const failed = await installPeers(
      systems.flatMap(({ packages }) => packages),
      places,
      say,
    );
    const effort = quick ? QUICK : FULL;
    const beganMs = performance.now();
    const { systems: measured, mostBusyShare } = await runRounds(systems, failed, places, effort, say);
    return {
      date: new Date().toISOString().slice(0, 10),
      machine,
      versions: { ...pinnedVersions(['torch', 'transformers']), ...PEER_VERSIONS },
      noise: { atStart: noise, mostBusyShare },
      effort,
      minutes: (performance.now() - beganMs) / 60_000,
      systems: measured,
    };
  } finally {
    giveSignalsBack();
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

/** @param {readonly string[]} words */
async function main(words) {
  const options = parseOptions(
    words,
    listSystems('float32').map(({ id }) => id),
  );
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const results = options.fromResults ? readResults(RESULTS) : await measure(options);
  process.stdout.write(`${toSection(results, 'bench/performance.svg')}\n`);
  const isWhole = options.systems === null && !options.quick;
  if (isWhole || options.out !== null) publish(results, options.out);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  say(`bench: ${error instanceof Refusal ? error.message : /** @type {Error} */ (error).stack}`);
  process.exitCode = 1;
}
