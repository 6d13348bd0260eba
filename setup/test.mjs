// `npm test`: the same set-up as `npm start`, then every check and every test.
import { requireNode } from './node-version.mjs';

requireNode();
// Tests choose their settings themselves; those of the person who runs them must not show.
for (const name of Object.keys(process.env)) {
  if (/^(?:PORT|HOST|LOG_\w+|MINIVAULT_(?!SETUP_)\w+)$/.test(name)) delete process.env[name];
}
const { setUp } = await import('./set-up.mjs');
const times = await setUp({ forTests: true });
const { CHECKS, runStages, TESTS } = await import('./stages.mjs');
await runStages([...CHECKS, ...TESTS], times);
