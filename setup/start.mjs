// `npm start`: set-up, then the server in this same process, so that signals reach it.
import { requireNode } from './node-version.mjs';

requireNode();
const { setUp } = await import('./set-up.mjs');
await setUp();
const { main } = await import(new URL('../dist/main.js', import.meta.url).href);
await main();
