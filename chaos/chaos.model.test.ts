// The short form of the scenario that needs the real model.
import { expect, it } from 'vitest';
import { runScenario } from './run-scenarios.mjs';
import * as realWorkerKills from './scenarios/real-worker-kills.mjs';

const SEED = 7;

it('loses no prompt and mixes no answers when the real worker is killed', async () => {
  const said: string[] = [];
  const options = { scale: 'short', seed: SEED, say: (line: string) => said.push(line) } as const;
  const { faults, tried, notRun } = await runScenario(realWorkerKills, options);
  expect(faults, `seed ${SEED}\n${said.join('\n')}`).toEqual([]);
  expect(notRun).toBeNull();
  expect(tried).toBe(3);
}, 300_000);
