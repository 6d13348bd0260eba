// The process: configuration, parts, listening socket, signals. Everything that may end it is here.
import { createApp } from './app.js';
import {
  type Config,
  ConfigError,
  describeConfig,
  inheritedEnvironment,
  readConfig,
  secretsOf,
  shownConfig,
} from './config.js';
import { type HttpServer, listen } from './http-server.js';
import { HeldError } from './locks/folder-lock.js';
import { createLogger, type Logger } from './log.js';
import { createParts, type Parts } from './parts.js';
import { unknownSettings } from './unknown-settings.js';

const EXIT_TAKEN = 1;
const EXIT_CONFIG = 78;
/** A second signal must end everything within a second. */
const HASTY_CLOSE_MS = 500;
/** npm passes on the Ctrl-C that the terminal has sent to us already: two signals, one wish. */
const SAME_SIGNAL_MS = 200;
const LAST_BYTES_TIMEOUT_MS = 1_000;

function printHelp(): void {
  const rows = describeConfig().map(({ name, fallback, about }) => `  ${name}=${fallback}\n      ${about}`);
  process.stdout.write(
    `Usage: npm start [-- --fail-fast]\n\n  --fail-fast  exit with 78 when the model cannot be served\n\n` +
      `Settings, from the environment:\n${rows.join('\n')}\n`,
  );
}

/** Wrong settings end the process with all their faults listed; anything else is thrown on. */
function exitOnConfigError(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`Wrong settings:\n${error.faults.map(fault => `  ${fault}\n`).join('')}`);
  process.exit(EXIT_CONFIG);
}

/** Another gateway that has the log or the data folder is named by its pid; anything else is thrown on. */
function exitOnHeld(error: unknown): never {
  if (!(error instanceof HeldError)) throw error;
  process.stderr.write(`${error.message}.\n`);
  process.exit(EXIT_TAKEN);
}

function readConfigOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    return exitOnConfigError(error);
  }
}

async function listenOrExit(parts: Parts, config: Config): Promise<HttpServer> {
  try {
    return await listen(createApp(parts), config.HOST, config.PORT, parts.metrics.recorder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'EADDRINUSE' ? 'is taken; stop what listens there or set PORT' : `cannot be used: ${message}`;
    process.stderr.write(`Port ${config.PORT} on ${config.HOST} ${remedy}.\n`);
    parts.worker.kill();
    await parts.close();
    process.exit(EXIT_TAKEN);
  }
}

/** First call drains, a second one ends at once; both leave a whole log with every text in it. */
function createShutdown(parts: Parts, server: HttpServer, config: Config, logger: Logger) {
  let firstAtMs: number | null = null;
  let closed: Promise<void> = Promise.resolve();
  const end = async (drainTimeoutMs: number): Promise<void> => {
    await parts.drain(drainTimeoutMs);
    await parts.close();
    const lastBytes = setTimeout(() => server.destroy(), LAST_BYTES_TIMEOUT_MS);
    await closed;
    clearTimeout(lastBytes);
  };
  return (reason: string, exitCode: number): void => {
    const nowMs = performance.now();
    if (firstAtMs === null) {
      firstAtMs = nowMs;
      closed = server.close();
      logger.info(`${reason}: finishing running answers, refusing new ones.`);
      void end(config.MINIVAULT_DRAIN_TIMEOUT_MS).finally(() => process.exit(exitCode));
    } else if (nowMs - firstAtMs > SAME_SIGNAL_MS) {
      setTimeout(() => process.exit(exitCode), HASTY_CLOSE_MS);
      void end(0).finally(() => process.exit(exitCode));
    }
  };
}

/** What SIGHUP is for where no terminal sends it: log files that were moved away are begun anew, keys read again. */
async function reload(parts: Parts, logger: Logger): Promise<void> {
  await Promise.all([parts.log.reopen(), parts.admin.audit.reopen(), parts.doorkeeper.keys.reload()]);
  logger.info('SIGHUP: the log files were opened anew, the keys read again.');
}

/**
 * Serves until a signal ends it. Exit codes: 0 after SIGTERM or SIGINT, 1 port, log or data folder taken, or an unforeseen error,
 * 78 wrong settings or, with --fail-fast, a model that cannot be served.
 */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  // A closed console must not end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  if (args.includes('--help')) {
    printHelp();
    return;
  }
  // All that is written holds what people said: it is their user's alone.
  process.umask(0o077);
  const config = readConfigOrExit();
  const { LOG_JSON: json, LOG_LEVEL: level } = config;
  const logger = createLogger({ json, level, secrets: secretsOf(config) });
  logger.debug('settings', shownConfig(config));
  for (const warning of unknownSettings(inheritedEnvironment())) logger.warn(warning);

  // One listener a signal from first to last: one that arrives while listeners are exchanged would be lost.
  let onSignal = (_name: string): void => process.exit(0);
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => onSignal(name));
  // A closed terminal means the end, as for any program in it; without one it asks to read and open all anew.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY;
  let onHangup = (): void => {};
  process.on('SIGHUP', () => (hasTerminal ? onSignal('SIGHUP') : onHangup()));
  const parts = await createParts(config, logger).catch(exitOnHeld).catch(exitOnConfigError);
  const server = await listenOrExit(parts, config);
  const shutdown = createShutdown(parts, server, config, logger);
  onSignal = name => shutdown(name, 0);
  onHangup = () => void reload(parts, logger);
  process.on('uncaughtException', error => {
    logger.error('unforeseen error', { error: error.stack ?? error.message });
    shutdown('Unforeseen error', 1);
  });
  if (args.includes('--fail-fast')) {
    const failFast = (): void => {
      if (parts.worker.status().state === 'failed') shutdown('The model cannot be served', EXIT_CONFIG);
    };
    parts.worker.onChange(failFast);
    failFast();
  }
  logger.info(`minivault ${parts.version} listens on ${server.url}`);
}
