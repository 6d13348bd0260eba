// The command line of `npm run bench`.
import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run bench [-- OPTIONS]

  --systems a,b     only these (minivault, engine, llama, serve, serve-cb, generate, generate-other, manager, compiled)
  --quick           one short round of few loads, to see that all works; its figures mean little
  --force           goes on although other programs keep the machine busy, and says so in the table
  --from-results    measures nothing: draws table and plot again from bench/results.json
  --out FOLDER      writes results.json, performance.svg and performance.md there, and leaves README and bench/ alone
  --help

A full run of all systems writes bench/results.json, bench/performance.svg and README's section; any other one writes
only with --out.
`;

const OPTIONS = /** @type {const} */ ({
  systems: { type: 'string' },
  quick: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  'from-results': { type: 'boolean', default: false },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
});

/** A fault of how it was called, or of the machine; its message is all there is to say. */
export class Refusal extends Error {}

/** @typedef {{ systems: string[] | null, quick: boolean, force: boolean, fromResults: boolean, out: string | null, help: boolean }} Options */

/**
 * @param {readonly string[]} words @param {readonly string[]} known ids of the systems
 * @returns {Options}
 * @throws {Refusal} for what is not an option or no system
 */
export function parseOptions(words, known) {
  const values = parse(words);
  const systems = values.systems?.split(',') ?? null;
  const unknown = systems?.find(id => !known.includes(id));
  if (unknown !== undefined) {
    throw new Refusal(`--systems knows no ${unknown}, only ${known.join(', ')}`);
  }
  return {
    systems,
    quick: values.quick,
    force: values.force,
    fromResults: values['from-results'],
    out: values.out ?? null,
    help: values.help,
  };
}

/** @param {readonly string[]} words */
function parse(words) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS }).values;
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
