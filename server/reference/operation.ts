// One route as the reference page and /openapi.json tell it: its schemas are those that the route itself parses with.
import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';

export type ErrorShape = 'simple' | 'openai' | 'ollama' | 'anthropic';

export interface Answer {
  readonly description: string;
  /** Media type to the schema of its whole body, or of one record of a stream. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
  /** Of a stream of events: the data of the last one, when that is a word instead of a record. */
  readonly lastData?: string;
}

export interface Operation {
  readonly method: 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string;
  /** The heading it stands under. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly pathParams?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Default: application/json. */
  readonly bodyType?: 'multipart/form-data';
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Every code that it may answer before its first byte. */
  readonly errors: readonly ErrorCode[];
  readonly errorShape: ErrorShape;
}

/** What reading a JSON body can end in. */
export const BODY_ERRORS = [
  'invalid_json',
  'invalid_request',
  'invalid_unicode',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'internal',
] as const satisfies readonly ErrorCode[];

/** What any work of the models can end in. */
export const WORK_ERRORS = [
  'context_length_exceeded',
  'worker_error',
  'worker_crashed',
  'worker_killed',
  'model_unavailable',
  'queue_full',
  'queue_timeout',
  'shutting_down',
  'concurrency_exceeded',
  'token_budget_exceeded',
  'generation_timeout',
] as const satisfies readonly ErrorCode[];

/** What asking the model, by a POST that takes an Idempotency-Key, can end in before its first token; a non-streamed answer may end so at any time. */
export const GENERATION_ERRORS = [
  ...WORK_ERRORS,
  'first_token_timeout',
  'token_gap_timeout',
  'idempotency_conflict',
  'incomplete_generation',
  'upstream_error',
  'upstream_unavailable',
] as const satisfies readonly ErrorCode[];

/** What else it can end in when the answer is to rest on documents. */
export const GROUNDING_ERRORS = [
  'storage_unavailable',
  'embedder_mismatch',
] as const satisfies readonly ErrorCode[];
