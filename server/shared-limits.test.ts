// Two built gateways on one Redis, the short form of what `npm run chaos` tries at length (G17).
import { describe, expect, it } from 'vitest';
import { hasRedisServer } from '../chaos/redis-server.mjs';
import { LIMIT, tryShared } from '../chaos/shared-limits.mjs';
import { tempFolder } from './testing/temp-folder.js';

describe.skipIf(!hasRedisServer)('two gateways on one Redis (needs redis-server)', () => {
  it('let in exactly as many as they may, and answer everybody when it is killed', async () => {
    const { faults, requests, admittedAlone } = await tryShared({
      folder: await tempFolder(),
      runs: 2,
      deaths: 1,
    });
    expect(faults).toEqual([]);
    expect(requests).toBe(1_500);
    expect(admittedAlone).toBeGreaterThanOrEqual(LIMIT);
    expect(admittedAlone).toBeLessThanOrEqual(2 * LIMIT);
  }, 120_000);
});
