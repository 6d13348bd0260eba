// Which files are tests, in two modes: `test` for everything on fakes, `model` for what needs the real model.
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const MODEL_TESTS = '**/*.model.test.ts';
/** cli.test.ts is the command-line client, by the project's card. */
const NOT_TESTS = [
  ...configDefaults.exclude,
  'cli.test.*',
  'dist/**',
  'dist.new/**',
  '.venv/**',
  'data/**',
  '.setup/**',
];

const DATABASE_RUN = ['server/testing/database-run.ts'];

/** Tests wait for conditions; this ends those that never come true, also where the cores are shared. */
const BUSY_MS = 30_000;

/** Most tests wait for child processes rather than compute: on two cores two at once take half the time of one. */
const MAX_WORKERS = Math.max(2, availableParallelism() - 1);

/** Takes minutes where the others take seconds: begun last, it would run on alone. */
const LONGEST = path.join(import.meta.dirname, 'chaos/chaos.test.ts');

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): number => Number(moduleId === LONGEST);
    return (await super.sort(files)).sort((a, b) => isLongest(b) - isLongest(a));
  }
}

export default defineConfig(({ mode }) => ({
  test:
    mode === 'model'
      ? {
          include: [MODEL_TESTS],
          exclude: NOT_TESTS,
          globalSetup: DATABASE_RUN,
          fileParallelism: false,
          testTimeout: 300_000,
        }
      : {
          exclude: [...NOT_TESTS, MODEL_TESTS],
          globalSetup: DATABASE_RUN,
          testTimeout: BUSY_MS,
          hookTimeout: BUSY_MS,
          maxWorkers: MAX_WORKERS,
          sequence: { sequencer: LongestFirst },
        },
}));
