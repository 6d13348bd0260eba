import { expect, it } from 'vitest';
import { reliabilitySection } from './results.mjs';

const machine = (cpu: string) => ({
  cpu,
  cores: 2,
  flags: [],
  memoryGb: 24,
  system: 'Linux 6',
  node: 'v20',
});
const result = (goal: string, more: object = {}) => ({
  ...{ goal, title: `what ${goal} does`, scale: 'full' as const, seed: 7, date: '2026-11-27', seconds: 1 },
  ...{
    machine: machine('One'),
    tried: 1_000,
    failed: 0,
    faults: [],
    figures: { kills: 1_000 },
    notRun: null,
  },
  ...more,
});
const scenarios = ['G10', 'G1', 'G2', 'G3', 'G4'].map(goal => ({ goal, title: `what ${goal} does` }));

it('says what was measured, when and on what, and what was not', () => {
  const section = reliabilitySection(scenarios, [
    result('G1', { machine: machine('Other') }),
    result('G10'),
    result('G2', { date: '2026-11-20', failed: 2 }),
    result('G3', { notRun: 'no Redis' }),
    result('G4', { scale: 'short' }),
  ]);
  expect(section.split('\n')).toEqual([
    'Measured by `npm run chaos` on 2026-11-27: One, 2 cores, 24 GB, Linux 6, Node v20.',
    '',
    '|  | what was done to it | tried | failed | figures |',
    '|---|---|---|---|---|',
    '| G1 | what G1 does | 1,000 | 0 | kills 1,000; on Other |',
    '| G2 | what G2 does | 1,000 | **2** | kills 1,000; measured on 2026-11-20 |',
    '| G3 | what G3 does | – | – | not run: no Redis |',
    '| G4 | what G4 does | – | – | not run |',
    '| G10 | what G10 does | 1,000 | 0 | kills 1,000 |',
  ]);
});
