// A short form of `node bench/kills.mjs`; `npm test` builds dist/ before any test runs.
import { expect, it } from 'vitest';
import { tempFolder } from '../server/testing/temp-folder.js';
import { makeStore } from '../server/testing/temp-store.js';
import { killRounds } from './kills.mjs';

it('loses nothing that a client was told, and has log and database equal, after each kill -9', async () => {
  const store = await makeStore();
  const folder = await tempFolder();
  const { faults, completed, logged, rounds } = await killRounds({
    rounds: 3,
    clients: 16,
    databaseUrl: store.url,
    folder,
  });
  expect(faults).toEqual([]);
  expect(rounds).toBe(3);
  expect(completed).toBeGreaterThan(0);
  expect(logged).toBeGreaterThanOrEqual(completed);
  await store.remove();
}, 180_000);
