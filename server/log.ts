// The console: winston, as text for people or as JSON for machines. Not the log of exchanges (store/exchange-log.ts).
import winston from 'winston';

export type Logger = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'> & {
  child(fields: Record<string, unknown>): Logger;
};

export interface LoggerOptions {
  readonly json: boolean;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
}

/** Control characters could forge lines or drive a terminal; they are shown as escapes. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const textLine = winston.format.printf(({ level, message, timestamp: _, ...fields }) => {
  const detail = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
  const prefix = level === 'info' ? '' : `${level}: `;
  return escapeControls(`${prefix}${String(message)}${detail}`);
});

/** Everything goes to stdout, one line an entry; a closed stdout (EPIPE) is survived by main.ts. */
export function createLogger({ json, level }: LoggerOptions): Logger {
  const format = json ? winston.format.combine(winston.format.timestamp(), winston.format.json()) : textLine;
  return winston.createLogger({ level, format, transports: [new winston.transports.Console()] });
}

export function silentLogger(): Logger {
  return winston.createLogger({ silent: true });
}
