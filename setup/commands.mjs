// The commands that package.json names, one function each. Their entry files check Node.js before they load this one.
import { setUp } from './set-up.mjs';
import { CHECKS, FORMATTERS, runStages, TESTS } from './stages.mjs';

/** Set-up, then the server in this same process, so that signals reach it. */
export async function start() {
  await setUp();
  const { main } = await import(new URL('../dist/main.js', import.meta.url).href);
  await main();
}

/** Set-up alone. */
export async function install() {
  await setUp();
}

/** Set-up, then every check and every test. */
export async function test() {
  // Tests choose their settings themselves; those of the person who runs them must not show.
  for (const name of Object.keys(process.env)) {
    if (/^(?:PORT|HOST|LOG_\w+|MINIVAULT_(?!SETUP_)\w+)$/.test(name)) delete process.env[name];
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
