// The console: winston, as text for people or as JSON for machines, and what no line of it may show. Not the log of exchanges
// (store/exchange-log.ts).
import winston from 'winston';

export type Logger = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'> & {
  child(fields: Record<string, unknown>): Logger;
};

export interface LoggerOptions {
  readonly json: boolean;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** Values that are masked wherever they stand. */
  readonly secrets?: readonly string[];
}

export const MASK = '***';
/** A shorter one would blacken half of what is written: it is masked where it stands alone. */
const MIN_SECRET_LENGTH = 8;
const MAX_DEPTH = 8;
/** Fields that hold nothing else. */
const SECRET_FIELD = /^(?:authorization|cookie|(?:x[-_])?api[-_]?key|password|secret)$/i;
/** What looks like a secret is one, whoever's it is. */
const SECRET_FORMS: readonly (readonly [RegExp, string])[] = [
  [/\bmv_[\w-]{16,}/g, `mv_${MASK}`],
  [/(?<![A-Za-z0-9])sk-[\w-]{8,}/g, `sk-${MASK}`],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, `eyJ${MASK}`],
  [/\b(bearer)\s+[\w.~+/=-]+/gi, `$1 ${MASK}`],
  [/\b(Basic) [\w+/]{8,}={0,2}/g, `$1 ${MASK}`],
  [/\b([a-z][a-z\d+.-]*:\/\/[^\s:/?#@]*):[^\s/]+@/gi, `$1:${MASK}@`],
  [/([?&](?:api[-_]?key|key|access_token|token|password|secret)=)[^&\s"']+/gi, `$1${MASK}`],
];

/** Masks in a text all that nobody is to see. */
export type Redact = (text: string) => string;

/** @param secrets in any form in which they may stand: as they are, in a URL, in JSON */
export function createRedact(secrets: readonly string[] = []): Redact {
  const forms = secrets.flatMap(secret => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ]);
  const parts = [...new Set(forms)]
    .filter(form => form !== '')
    .sort((a, b) => b.length - a.length)
    .map(form => {
      const literal = form.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
      return form.length < MIN_SECRET_LENGTH ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal;
    });
  const known = parts.length === 0 ? null : new RegExp(parts.join('|'), 'g');
  return text => {
    let masked = known === null ? text : text.replace(known, MASK);
    for (const [form, mask] of SECRET_FORMS) masked = masked.replace(form, mask);
    return masked;
  };
}

/** An error and what caused it, as one text. */
function stackOf(error: Error, depth = 0): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  if (error.cause === undefined || depth === MAX_DEPTH) return own;
  const cause = error.cause instanceof Error ? stackOf(error.cause, depth + 1) : String(error.cause);
  return `${own}\nCaused by: ${cause}`;
}

function redactValue(value: unknown, redact: Redact, depth = 0): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redact(stackOf(value));
  if (value instanceof Date) return value.toJSON();
  if (depth === MAX_DEPTH || ArrayBuffer.isView(value)) return '…';
  if (Array.isArray(value)) return value.map(each => redactValue(each, redact, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, redactField(key, each, redact, depth + 1)]),
  );
}

function redactField(key: string, value: unknown, redact: Redact, depth: number): unknown {
  const isSecret = SECRET_FIELD.test(key) && value !== null && value !== undefined;
  return isSecret ? MASK : redactValue(value, redact, depth);
}

/** In the message and in every field alike, before anything is made of them. */
const redaction = winston.format((info, options) => {
  const { redact } = options as { redact: Redact };
  for (const [key, value] of Object.entries(info)) {
    if (key !== 'level') info[key] = redactField(key, value, redact, 0);
  }
  return info;
});

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
export function createLogger({ json, level, secrets = [] }: LoggerOptions): Logger {
  const redact = createRedact(secrets);
  const { combine, timestamp, json: jsonLine } = winston.format;
  const line = json ? combine(timestamp(), jsonLine()) : textLine;
  return winston.createLogger({
    level,
    format: combine(redaction({ redact }), line),
    transports: [new winston.transports.Console()],
  });
}

export function silentLogger(): Logger {
  return winston.createLogger({ silent: true });
}
