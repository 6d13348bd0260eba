// The commands that package.json names, one function each. Their entry files check Node.js before they load this one.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { audit as askForAdvisories } from './advisories.mjs';
import { diagnose } from './diagnosis.mjs';
import { setUp } from './set-up.mjs';
import { CHECKS, FORMATTERS, runStages, TESTS } from './stages.mjs';
import { hasVault, wantsVault } from './vault-steps.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
// Where it was started from may be gone, and libraries that ask for it would end the process.
process.chdir(ROOT);
const SERVER = new URL('../dist/main.js', import.meta.url);
const USAGE = 'Usage: npm start [-- --help] [-- --fail-fast]\n';

/**
 * Set-up, then the server in this same process, so that signals reach it. What it was asked wrongly, or only for help,
 * needs no set-up.
 */
export async function start() {
  const unknown = process.argv.slice(2).find(word => word !== '--help' && word !== '--fail-fast');
  if (unknown !== undefined) {
    process.stderr.write(`Unknown option ${unknown}\n${USAGE}`);
    process.exit(78);
  }
  const wantsHelp = process.argv.includes('--help');
  if (wantsHelp && !existsSync(SERVER)) {
    process.stdout.write(`${USAGE}The settings are listed in README.md, and here once set-up is done.\n`);
    return;
  }
  if (!wantsHelp) await setUp();
  const { main } = await import(SERVER.href);
  await main();
}

/**
 * Set-up, then one of the commands beside the server, in this same process. Asked only for help, it needs no set-up
 * once there is one, nor does `verify` where it would have to make the database first: it says then that there is none.
 * @param {'keys' | 'migrate' | 'reembed' | 'reindex' | 'verify'} name
 */
export async function runBeside(name) {
  const program = new URL(`../dist/commands/${name}.js`, import.meta.url);
  const createsNothing =
    process.argv.includes('--help') || (name === 'verify' && wantsVault() && !hasVault(ROOT));
  if (!createsNothing || !existsSync(program)) await setUp();
  const { main } = await import(program.href);
  await main();
}

/** What this machine, this copy and its settings lack, without changing anything. */
export async function doctor() {
  process.exitCode = await diagnose(ROOT, process.argv.slice(2));
}

/** Whether a package that runs has a vulnerability that is known. */
export async function audit() {
  process.exitCode = await askForAdvisories(ROOT, process.argv.slice(2));
}

/** Set-up alone. */
export async function install() {
  await setUp();
}

/** Set-up, then every check and every test. */
export async function test() {
  // Tests choose their settings themselves; those of the person who runs them must not show.
  const settings =
    /^(?:PORT|HOST|API_KEY|DATABASE_URL|TOP_K_RESULTS|SIMILARITY_THRESHOLD|EMBEDDING_MODEL|LOG_\w+|(?:USE_)?OPENAI_\w+|MINIVAULT_(?!SETUP_)\w+)$/;
  for (const name of Object.keys(process.env)) {
    if (settings.test(name)) delete process.env[name];
  }
  await runStages([...CHECKS, ...TESTS], await setUp({ forTests: true }));
}

/** The checks without the tests. */
export async function check() {
  await runStages(CHECKS, await setUp({ forTests: true }));
}

/** Lays out every file as the checks want it. */
export async function format() {
  await runStages(FORMATTERS, await setUp({ forTests: true }));
}
