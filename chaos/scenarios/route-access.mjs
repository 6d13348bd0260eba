// G19: every route of the router with every form of credential. The table and its judge are a test, which is run here.
import { NotHere } from '../run-scenarios.mjs';
import { runTestFile } from '../test-file.mjs';

export const goal = 'G19';
export const title = 'every route of the router with every form of credential, held against a table';

const TEST = 'server/route-access.test.ts';

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, folder }) {
  if (scale === 'short') throw new NotHere(`npm test runs ${TEST} itself`);
  const { tried, faults } = await runTestFile(TEST, folder);
  if (tried === 0) faults.push('the test does not say how much it tried');
  return { tried, failed: faults.length, faults, figures: {} };
}
