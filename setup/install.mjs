// `npm run setup`: set-up alone.
import { requireNode } from './node-version.mjs';

requireNode();
const { setUp } = await import('./set-up.mjs');
await setUp();
