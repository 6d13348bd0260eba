// `npm run reindex`: throws the rows of the log's exchanges away and makes them anew from it. Documents stay.
import type { Config } from '../config.js';
import { lockFolder } from '../locks/folder-lock.js';
import type { Logger } from '../log.js';
import type { Database } from '../store/database.js';
import { Eraser } from '../store/eraser.js';
import { createLanguageOf } from '../store/exchange-language.js';
import { forgetAllLogs, forgetLog } from '../store/forget-log.js';
import { LogFollower } from '../store/log-follower.js';
import { CommandError, runCommand, withDatabase } from './command.js';
import { grouped, Progress } from './progress.js';

const TICK_MS = 200;

const about = `Throws the database's exchanges away and makes them anew from the log; their vectors are made again when the
gateway runs. Documents stay, and in a PostgreSQL (DATABASE_URL) the exchanges of other logs. The gateway must not run
meanwhile. Broken off, run it again; the gateway's next start puts in only what is missing.
Exit codes: 0 done, 1 a gateway has the log or the database cannot be used, 78 wrong settings.`;

export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  await runCommand(
    {
      name: 'reindex',
      about,
      run: async (config, logger) => {
        const lock = lockFolder(config.MINIVAULT_LOG_FILE);
        try {
          return await withDatabase(config, database => reindex(config, logger, database));
        } finally {
          lock.release();
        }
      },
    },
    args,
  );
}

async function reindex(config: Config, logger: Logger, database: Database): Promise<number> {
  const path = config.MINIVAULT_LOG_FILE;
  // The lock says that nobody else writes the log, and nobody follows it yet.
  const alone = { exclusively: <T>(work: () => Promise<T>) => work(), caughtUp: async () => true };
  // The embedded database has one log, so what is not in that is nobody's.
  const isShared = config.DATABASE_URL !== null;
  await new Eraser({ path, database, isShared, log: alone, follower: alone, logger }).finish();
  const kept = isShared ? await forgetLog(path, database) : 0;
  if (!isShared) await forgetAllLogs(database);
  const progress = new Progress('reindex');
  const follower = new LogFollower({
    path,
    database,
    loadLanguageOf: () => createLanguageOf(config.MINIVAULT_LANGUAGE, logger),
    logger,
  });
  try {
    while (!(await follower.caughtUp(TICK_MS))) {
      const { bytes, unreadBytes } = await follower.measure();
      const { indexed, fault } = follower.status();
      if (fault !== null) throw new CommandError(fault);
      const rate = Math.round(indexed / progress.seconds);
      progress.show(
        (bytes - unreadBytes) / bytes,
        `${grouped(indexed)} exchanges, ${grouped(rate)} a second`,
      );
    }
  } finally {
    progress.end();
    await follower.close();
  }
  const { indexed, damaged } = follower.status();
  const passedOver = damaged === 0 ? '' : ` ${grouped(damaged)} damaged lines were passed over.`;
  process.stdout.write(
    `${grouped(indexed)} exchanges in ${progress.seconds.toFixed(1)} s, ${grouped(Math.round(indexed / progress.seconds))} a second.${passedOver}\n`,
  );
  if (kept > 0) process.stdout.write(`${grouped(kept)} exchanges of other logs kept.\n`);
  return 0;
}
