// One line of the log as one row of the table of exchanges. Knows neither files nor connections.
import { createHash } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { Exchange } from '../domain/exchange.js';
import { fromLogLine } from './log-line.js';
import type { ExchangesTable } from './schema.js';

export type ExchangeRow = Omit<Insertable<ExchangesTable>, 'search'>;
/** The name of the text search configuration that an exchange's words are taken with. */
export type LanguageOf = (exchange: Exchange) => string;

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The row of a line, given without its newline.
 * @throws Error when the bytes are no exchange: not UTF-8, not its JSON, or with an id that is no UUID.
 */
export function toExchangeRow(bytes: Buffer, languageOf: LanguageOf): ExchangeRow {
  const line = decoder.decode(bytes);
  const exchange = fromLogLine(line);
  if (!UUID.test(exchange.id)) throw new Error(`the id ${JSON.stringify(exchange.id)} is no UUID`);
  return {
    id: exchange.id.toLowerCase(),
    ended_at: exchange.timestamp,
    status: exchange.status,
    dialect: storable(exchange.dialect),
    caller: exchange.caller === null ? null : storable(exchange.caller),
    model: storable(exchange.model.id),
    chat_id: exchange.chatId,
    prompt_tokens: exchange.usage?.promptTokens ?? null,
    completion_tokens: exchange.usage?.completionTokens ?? null,
    line,
    prompt: storable(exchange.prompt),
    response: storable(exchange.response),
    language: languageOf(exchange),
  };
}

/** What PostgreSQL's text cannot hold becomes U+FFFD: NUL and half a surrogate pair. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** What a file of the log is known by whose first line is this one: its id, or a digest in an id's form. */
export function firstIdOf(bytes: Buffer): string {
  try {
    const { id } = JSON.parse(decoder.decode(bytes)) as { id?: unknown };
    if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase();
  } catch {
    // A damaged first line; its file has a name all the same.
  }
  const hex = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
