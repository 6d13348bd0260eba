// What the commands beside the server have in common: their options, their exit codes, the database they open.
import path from 'node:path';
import { type Config, ConfigError, readConfig, secretsOf } from '../config.js';
import { AppError } from '../errors.js';
import { HeldError } from '../locks/folder-lock.js';
import { createLogger, type Logger, silentLogger } from '../log.js';
import type { Database } from '../store/database.js';
import { openDatabase } from '../store/open-database.js';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 78;

export interface Command {
  /** As in `npm run NAME`. */
  readonly name: string;
  /** What may stand behind `npm run NAME --`; a command without it takes nothing. */
  readonly usage?: string;
  /** What it does and what its exit codes mean, for `--help`. */
  readonly about: string;
  /** The settings that it takes beside the database's and the log's, or in their place. */
  readonly settings?: readonly string[];
  /**
   * Resolves with the exit code. A failure that a person can do something about is thrown as CommandError, words that it
   * does not understand as UsageError.
   */
  run(config: Config, logger: Logger, words: readonly string[]): Promise<number>;
}

/** Ends a command with one line that says why, and exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Ends a command with what is wrong with its words, how they go, and exit code 78. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const USUAL_SETTINGS = ['DATABASE_URL', 'MINIVAULT_DATA_DIR', 'MINIVAULT_LOG_FILE', 'MINIVAULT_LANGUAGE'];

/** Sets the exit code: 0 or 1 as the command says, 1 when it fails, 78 for wrong settings or options. */
export async function runCommand(command: Command, args: readonly string[]): Promise<void> {
  const usage = `Usage: npm run ${command.name} ${command.usage === undefined ? '[-- --help]' : `-- ${command.usage}`}\n`;
  if (args.includes('--help')) {
    process.stdout.write(
      `${usage}\n${command.about}\n\nIt takes the settings that the gateway takes, from the environment: ` +
        `${(command.settings ?? USUAL_SETTINGS).join(', ')}.\n`,
    );
    return;
  }
  if (args.length > 0 && command.usage === undefined) {
    process.stderr.write(`Unknown option ${args[0]}\n${usage}`);
    process.exitCode = EXIT_CONFIG;
    return;
  }
  try {
    const config = readConfig();
    const logger = createLogger({ json: config.LOG_JSON, level: 'warn', secrets: secretsOf(config) });
    process.exitCode = await command.run(config, logger, args);
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`Wrong settings:\n${error.faults.map(fault => `  ${fault}\n`).join('')}`);
      process.exitCode = EXIT_CONFIG;
      return;
    }
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message.replace(/\.$/, '')}.\n${usage}`);
      process.exitCode = EXIT_CONFIG;
      return;
    }
    const isExpected =
      error instanceof CommandError || error instanceof HeldError || error instanceof AppError;
    if (!isExpected) throw error;
    process.stderr.write(`${error.message.replace(/\.$/, '')}.\n`);
    process.exitCode = EXIT_FAILED;
  }
}

/**
 * Opens the database, brings its tables up to date, hands it to `work` and closes it.
 * @throws CommandError when it cannot be used now, HeldError when a gateway has the embedded one.
 */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase({
    url: config.DATABASE_URL,
    folder: path.join(config.MINIVAULT_DATA_DIR, 'vault'),
    // What there is to say of it is the command's error.
    logger: silentLogger(),
  });
  try {
    await isReady(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

function isReady(database: Database): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      const { state, fault } = database.status();
      if (state === 'ready') resolve();
      else if (state !== 'opening') reject(new CommandError(fault ?? 'The database cannot be used'));
    };
    database.onChange(check);
    check();
  });
}
