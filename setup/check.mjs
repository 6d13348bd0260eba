// `npm run check`: the checks without the tests.
import { requireNode } from './node-version.mjs';

requireNode();
const { setUp } = await import('./set-up.mjs');
const times = await setUp({ forTests: true });
const { CHECKS, runStages } = await import('./stages.mjs');
await runStages(CHECKS, times);
