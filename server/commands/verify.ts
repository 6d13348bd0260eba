// `npm run verify`: compares log and database, line by line, and says what is not equal. Changes neither.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.js';
import { type Comparison, compareWithLog } from '../store/comparison.js';
import type { Database } from '../store/database.js';
import { CommandError, runCommand, withDatabase } from './command.js';
import { grouped, Progress } from './progress.js';

const FIRST_IDS = 5;
/** What a running gateway has just written or erased is equal by then. */
const SECOND_LOOK_MS = 1_000;

const about = `Compares the log with the database, line by line, and says what is missing, extra or different.
With a PostgreSQL it may run beside the gateway, and rows of other logs are counted but no fault; the embedded database
is one process's own, so stop that one first.
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
      run: config => {
        requireDatabase(config);
        return withDatabase(config, async database => {
          const found = await compareTwice(config.MINIVAULT_LOG_FILE, database);
          return report(found, config.DATABASE_URL !== null);
        });
      },
    },
    args,
  );
}

/** Opening an embedded database would make it. @throws CommandError when there is none. */
function requireDatabase({ DATABASE_URL, MINIVAULT_DATA_DIR, MINIVAULT_LOG_FILE: log }: Config): void {
  const folder = path.join(MINIVAULT_DATA_DIR, 'vault');
  if (DATABASE_URL !== null || existsSync(path.join(folder, 'PG_VERSION'))) return;
  throw new CommandError(
    `There is no database ${folder} ${existsSync(log) ? 'for the' : 'and no'} log ${log}`,
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

function report(found: Comparison, isShared: boolean): number {
  const { exchanges, damaged, extra } = found;
  const passedOver = damaged === 0 ? '' : ` (${grouped(damaged)} damaged lines passed over)`;
  process.stdout.write(`${grouped(exchanges)} exchanges in the log${passedOver}.\n`);
  let isEqual = true;
  for (const [kind, words] of KINDS) {
    const ids = found[kind];
    if (ids.length === 0 || (isShared && kind === 'extra')) continue;
    isEqual = false;
    const rest = ids.length > FIRST_IDS ? ', …' : '';
    process.stdout.write(`${grouped(ids.length)} ${words}: ${ids.slice(0, FIRST_IDS).join(', ')}${rest}\n`);
  }
  const others = isShared && extra.length > 0;
  if (others) {
    process.stdout.write(
      `${grouped(extra.length)} in the database only: of other gateways' logs, or of log files that are gone.\n`,
    );
  }
  const equal = others ? 'All that is in the log is equal in the database.' : 'The database is equal to it.';
  process.stdout.write(`${isEqual ? equal : 'npm run reindex makes them equal.'}\n`);
  return isEqual ? 0 : 1;
}
