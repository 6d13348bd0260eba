// The OpenAPI document, made from the operations and the schemas they parse with. Knows no HTTP.
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { ERRORS, type ErrorCode } from '../errors.js';
import { ERROR_SCHEMAS } from './error-schemas.js';
import { eventSchema } from './event-stream.js';
import type { Answer, Operation } from './operation.js';

const DESCRIPTION = [
  'A private LLM gateway for your own machine: one model, asked in the formats of OpenAI, Ollama, Anthropic and its own.',
  '',
  'A stream is described by the schema of one of its records. After the first byte the status stays 200: an error is the',
  "stream's last record, and a stream without its last record was cut.",
].join('\n');

const REQUEST_ID = z.string().meta({
  header: { id: 'X-Request-ID' },
  description: "The request's id: yours, if you sent a well-formed one, else ours.",
});

/** One of the two, on all but the operations that say otherwise; with the scopes that the key must have. */
const KEYED: Pick<ZodOpenApiObject, 'components' | 'security'> = {
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    },
  },
  security: [{ bearer: [] }, { apiKey: [] }],
};

/** Of all that generate. */
const IDEMPOTENCY_KEY = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .describe(
      'Sent again with the same request, it joins the answer that is being made, or gets the one that was made in the last ten minutes.',
    ),
});

export interface DocumentOptions {
  readonly version: string;
  readonly lock: DocumentLock;
}

/** What requests must carry. */
export interface DocumentLock {
  /** A key, where the route is not open. */
  readonly isKeyed: boolean;
  /** A token of another issuer is one, too. */
  readonly takesTokens: boolean;
  /** What a route asks of its callers: `open`, `any`, or the scopes that a key must have. */
  needsOf(method: string, path: string): readonly string[];
}

export function createOpenApiDocument(operations: readonly Operation[], { version, lock }: DocumentOptions) {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of operations) {
    const { path, method } = operation;
    paths[path] = { ...paths[path], [method]: toOpenApi(operation, lock) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'minivault', version, description: DESCRIPTION, license: { name: 'MIT' } },
    tags: [...new Set(operations.map(({ tag }) => tag))].map(name => ({ name })),
    paths: paths as ZodOpenApiPathsObject,
    ...(lock.isKeyed ? KEYED : {}),
  });
}

function toOpenApi(operation: Operation, lock: DocumentLock): ZodOpenApiOperationObject {
  const { method, path, tag, summary, description, pathParams, query, body, bodyType } = operation;
  const { security, errors } = toSecurity(lock, method, path);
  const isIdempotent = operation.errors.includes('idempotency_conflict');
  return {
    operationId: `${method}${path.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, next = '') => next.toUpperCase())}`,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    requestParams: {
      ...(pathParams === undefined ? {} : { path: pathParams }),
      ...(query === undefined ? {} : { query }),
      ...(isIdempotent ? { header: IDEMPOTENCY_KEY } : {}),
    },
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { [bodyType ?? 'application/json']: { schema: body } } } }),
    ...(security === null ? {} : { security }),
    responses: {
      ...answersOf(operation),
      ...errorsOf(operation, [...GUARD_ERRORS, ...errors]),
    },
  };
}

/** What differs from the usual, which is any key; and what a request may be refused with for it. */
function toSecurity({ isKeyed, takesTokens, needsOf }: DocumentLock, method: string, path: string) {
  const needs = needsOf(method, path);
  const isOpen = needs.includes('open');
  if (!isKeyed) return { security: null, errors: isOpen ? [] : (['rate_limited'] as const) };
  if (isOpen) return { security: [], errors: [] };
  const scopes = needs.filter(need => need !== 'any');
  const errors: ErrorCode[] = [
    'rate_limited',
    'invalid_api_key',
    ...(takesTokens ? (['token_issuer_unavailable'] as const) : []),
    ...(scopes.length > 0 ? (['missing_scope'] as const) : []),
  ];
  return { security: scopes.length === 0 ? null : [{ bearer: scopes }, { apiKey: scopes }], errors };
}

function answersOf({ answers }: Operation) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, content, lastData }]: [string, Answer]) => [
      status,
      {
        description,
        headers: z.object({ 'X-Request-ID': REQUEST_ID }),
        ...(content === undefined
          ? {}
          : {
              content: Object.fromEntries(
                Object.entries(content).map(([type, schema]) => [
                  type,
                  { schema: type === 'text/event-stream' ? eventSchema(schema, lastData) : schema },
                ]),
              ),
            }),
      },
    ]),
  );
}

/** What any request may be refused with before its route is reached. */
const GUARD_ERRORS = [
  'headers_too_large',
  'expectation_failed',
  'forbidden_host',
  'forbidden_origin',
] as const satisfies readonly ErrorCode[];

/** Codes of one status share an entry, which tells them all. */
function errorsOf({ errors, errorShape, method }: Operation, guardErrors: readonly ErrorCode[]) {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...errors, ...guardErrors])) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map(code => `\`${code}\`: ${ERRORS[code].about}`).join('\n\n'),
        headers: z.object({ 'X-Request-ID': REQUEST_ID }),
        ...(method === 'head'
          ? {}
          : { content: { 'application/json': { schema: ERROR_SCHEMAS[errorShape] } } }),
      },
    ]),
  );
}
