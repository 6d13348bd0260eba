// G17: two gateways on one Redis let in exactly as many as they may, and nobody gets an error when it is killed.
import { hasRedisServer } from '../redis-server.mjs';
import { NotHere } from '../run-scenarios.mjs';
import { LIMIT, tryShared } from '../shared-limits.mjs';

export const goal = 'G17';
export const title = `500 requests at once through two gateways on one Redis, of which ${LIMIT} may pass; Redis killed in the middle`;

const RUNS = { full: 10, short: 2 };
const DEATHS = { full: 10, short: 1 };

/** @param {import('../run-scenarios.mjs').RunOptions} options @returns {Promise<import('../results.mjs').Found>} */
export async function run({ scale, folder, say }) {
  if (!hasRedisServer) throw new NotHere('there is no redis-server');
  const { tried, requests, admittedAlone, faults } = await tryShared({
    folder,
    runs: RUNS[scale],
    deaths: DEATHS[scale],
    say,
  });
  return {
    tried,
    failed: faults.length,
    faults,
    figures: {
      requests,
      'let in of each crowd while Redis was there': LIMIT,
      'let in at most while it was killed': admittedAlone,
    },
  };
}
