// What a wire format is to the rest: values in, text out. Dialects know no HTTP, no clock and no randomness.
import type { GenerationEvent } from '../domain/generation.js';
import type { AppError } from '../errors.js';

/** Everything an encoder may need that it must not make itself. */
export interface EncoderContext {
  /** The exchange's id. */
  readonly id: string;
  readonly model: string;
  readonly requestId: string;
  /** When the request came. */
  readonly createdAt: Date;
}

/** One per stream. Every returned string is whole records, so that one write never splits a line. */
export interface StreamEncoder<Event extends { readonly type: string } = GenerationEvent> {
  readonly contentType: string;
  /** May be empty when the events have no form in this dialect. */
  events(batch: readonly Event[]): string;
  /** Whether the event, the last of its batch, became the stream's terminal record; absent, `done` does. */
  isTerminal?(event: Event): boolean;
  /** A record that readers skip; empty when the format has none. */
  heartbeat(): string;
  /** The terminal record of a failure; null when the format has none, so that the connection must break instead. */
  error(error: AppError): string | null;
}

/** Body of an answer that failed before its first byte. */
export type ErrorBody = (error: AppError, requestId: string) => unknown;
