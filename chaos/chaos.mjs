// `npm run chaos`: the fault suite. Needs `npm run build`, as set-up does it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeSection } from '../bench/readme-section.mjs';
import { readResults, reliabilitySection, table, writeResults } from './results.mjs';
import { listScenarios, runScenarios } from './run-scenarios.mjs';

const USAGE = `Usage: npm run chaos [-- OPTIONS]

  --only G1,G7     only these
  --short          a few seconds of each; its figures go nowhere
  --seed N         another chance than the usual one
  --database URL   a PostgreSQL in place of the embedded one, where a scenario can
  --readme         writes the README's section on reliability
  --from-results   runs nothing: with --readme, writes the section from chaos/results.json
  --help

Exit code 1 when anything failed.
`;
const SEED = 7;
const RESULTS = path.join(import.meta.dirname, 'results.json');
const README = path.join(import.meta.dirname, '..', 'README.md');
const BUILT = path.join(import.meta.dirname, '..', 'dist', 'main.js');

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(SEED) },
      database: { type: 'string' },
      readme: { type: 'boolean', default: false },
      'from-results': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const all = await listScenarios();
  const only = values.only?.split(',');
  const unknown = only?.find(goal => !all.some(scenario => scenario.goal === goal));
  if (unknown !== undefined || !/^\d{1,9}$/.test(values.seed)) {
    process.stderr.write(`There is no ${unknown ?? `seed ${values.seed}`}.\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (!values['from-results']) {
    if (!existsSync(BUILT)) {
      process.stderr.write('There is no built gateway; run `npm run setup` first.\n');
      process.exitCode = 2;
      return;
    }
    // What runs, and what is mounted, goes with this process.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => process.exit(130));
    const results = await runScenarios(
      all.filter(({ goal }) => only?.includes(goal) ?? true),
      {
        scale: values.short ? 'short' : 'full',
        seed: Number(values.seed),
        databaseUrl: values.database ?? null,
        say: line => process.stderr.write(`${line}\n`),
      },
    );
    process.stdout.write(`${table(results)}\n`);
    if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
    if (!values.short) writeResults(RESULTS, results);
  }
  if (values.readme) writeSection(README, 'reliability', reliabilitySection(all, readResults(RESULTS)));
}

await main();
// A scenario that broke off has left its gateways running, and they this process.
process.exit();
