// `npm run format`: lays out every file as the checks want it.
import { requireNode } from './node-version.mjs';

requireNode();
const { setUp } = await import('./set-up.mjs');
const times = await setUp({ forTests: true });
const { FORMATTERS, runStages } = await import('./stages.mjs');
await runStages(FORMATTERS, times);
