// A console that remembers what it was told.
import type { Logger } from '../log.js';

export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export function recordingLogger(): { readonly logger: Logger; readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const at =
    (level: string) =>
    (message: unknown, fields: Record<string, unknown> = {}): Logger => {
      entries.push({ level, message: String(message), fields });
      return logger;
    };
  const logger = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => logger,
  } as unknown as Logger;
  return { logger, entries };
}
