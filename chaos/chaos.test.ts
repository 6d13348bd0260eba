// The short form of `npm run chaos`, with the seed it always has; `npm test` builds dist/ before any test runs.
import { describe, expect, it } from 'vitest';
import { listScenarios, runScenario, type Scenario } from './run-scenarios.mjs';

const SEED = 7;
/** Nothing of a test may hang, however busy the machine. */
const TIMEOUT_MS = 240_000;
/** Needs the model: chaos.model.test.ts has it. */
const WITH_MODEL = ['G2'];

const scenarios = (await listScenarios()).filter(({ goal }) => !WITH_MODEL.includes(goal));

async function expectNoFault(scenario: Scenario): Promise<void> {
  const said: string[] = [];
  const result = await runScenario(scenario, {
    scale: 'short',
    seed: SEED,
    say: line => said.push(line),
  });
  expect(result.faults, `seed ${SEED}\n${said.join('\n')}`).toEqual([]);
  expect(result.failed).toBe(0);
  if (result.notRun === null) expect(result.tried).toBeGreaterThan(0);
}

describe.concurrent('holds its promises while it waits for what is away', () => {
  for (const scenario of scenarios.filter(({ isIdle }) => isIdle)) {
    it(`${scenario.goal}: ${scenario.title}`, () => expectNoFault(scenario), TIMEOUT_MS);
  }
});

describe('holds its promises under load', () => {
  for (const scenario of scenarios.filter(({ isIdle }) => !isIdle)) {
    it(`${scenario.goal}: ${scenario.title}`, () => expectNoFault(scenario), TIMEOUT_MS);
  }
});
