// `npm run verify`: compares log and database, line by line, and says what is not equal. Changes neither.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Comparison, compareWithLog } from '../store/comparison.js';
import type { Database } from '../store/database.js';
import { runCommand, withDatabase } from './command.js';
import { grouped, Progress } from './progress.js';

const FIRST_IDS = 5;
/** What a running gateway has just written or erased is equal by then. */
const SECOND_LOOK_MS = 1_000;

const about = `Compares the log with the database, line by line, and says what is missing, extra or different.
With a PostgreSQL it may run beside the gateway; the embedded database is one process's own, so stop that one first.
Exit codes: 0 equal, 1 not equal or the database cannot be used, 78 wrong settings.`;

type Kind = 'missing' | 'extra' | 'different';
const KINDS: readonly (readonly [Kind, string])[] = [
  ['missing', 'missing from the database'],
  ['extra', 'in the database only'],
  ['different', 'different'],
];

export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  await runCommand(
    {
      name: 'verify',
      about,
      run: config =>
        withDatabase(config, async database => {
          const found = await compareTwice(config.MINIVAULT_LOG_FILE, database);
          return report(found);
        }),
    },
    args,
  );
}

/** Reports only what two comparisons have in common: the gateway may write and erase meanwhile. */
async function compareTwice(path: string, database: Database): Promise<Comparison> {
  const first = await compareAndShow(path, database);
  if (KINDS.every(([kind]) => first[kind].length === 0)) return first;
  await sleep(SECOND_LOOK_MS);
  const second = await compareAndShow(path, database);
  const inBoth = (kind: Kind): string[] => {
    const ids = new Set(first[kind]);
    return second[kind].filter(id => ids.has(id));
  };
  return { ...second, missing: inBoth('missing'), extra: inBoth('extra'), different: inBoth('different') };
}

async function compareAndShow(path: string, database: Database): Promise<Comparison> {
  const progress = new Progress('verify');
  try {
    return await compareWithLog(path, database, ({ lines, bytes, totalBytes }) =>
      progress.show(bytes / totalBytes, `${grouped(lines)} lines`),
    );
  } finally {
    progress.end();
  }
}

function report(found: Comparison): number {
  const { exchanges, damaged } = found;
  const passedOver = damaged === 0 ? '' : ` (${grouped(damaged)} damaged lines passed over)`;
  process.stdout.write(`${grouped(exchanges)} exchanges in the log${passedOver}.\n`);
  let isEqual = true;
  for (const [kind, words] of KINDS) {
    const ids = found[kind];
    if (ids.length === 0) continue;
    isEqual = false;
    const rest = ids.length > FIRST_IDS ? ', …' : '';
    process.stdout.write(`${grouped(ids.length)} ${words}: ${ids.slice(0, FIRST_IDS).join(', ')}${rest}\n`);
  }
  process.stdout.write(isEqual ? 'The database is equal to it.\n' : 'npm run reindex makes them equal.\n');
  return isEqual ? 0 : 1;
}
