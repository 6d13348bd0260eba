// From a body's bytes to a typed value: media type, UTF-8, JSON, depth, then a zod schema. Knows no route.
import type { Request } from 'express';
import type { z } from 'zod';
import { AppError } from '../errors.js';

const MAX_JSON_DEPTH = 32;
/** What zod says when a union has nothing of its own to say. */
const UNION_MESSAGE = 'Invalid input';

/**
 * @throws AppError unsupported_media_type, invalid_unicode, invalid_json or invalid_request, naming the field.
 */
export function parseBody<Schema extends z.ZodType>(req: Request, schema: Schema): z.output<Schema> {
  return parseWith(schema, parseJson(req));
}

/**
 * For bodies without a required field, of which an absent one would pass for a wish.
 * @throws AppError invalid_request
 */
export function requireBody(req: Request): void {
  const bytes: unknown = req.body;
  if (Buffer.isBuffer(bytes) && bytes.length > 0) return;
  throw new AppError('invalid_request', 'missing request body');
}

function parseJson(req: Request): unknown {
  const bytes: unknown = req.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return {};
  requireJsonType(req);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('invalid_unicode', 'The body is not valid UTF-8.', { cause });
  }
  const value = parseJsonText(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('invalid_request', 'The body must be a JSON object.');
  }
  return value;
}

/**
 * `field` names a part of the body that is JSON of its own.
 * @throws AppError invalid_json, invalid_unicode, invalid_request for keys that are traps
 */
export function parseJsonText(text: string, field?: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const what = field === undefined ? 'The body' : `"${field}"`;
    const param = field === undefined ? {} : { param: field };
    throw new AppError('invalid_json', `${what} is not valid JSON: ${(cause as Error).message}`, {
      cause,
      ...param,
    });
  }
  inspect(value, field ?? '', 1);
  return value;
}

function requireJsonType(req: Request): void {
  const type = req.get('content-type') ?? '';
  const [media = '', ...parameters] = type
    .toLowerCase()
    .split(';')
    .map(part => part.trim());
  const charset = parameters.find(part => part.startsWith('charset='))?.slice('charset='.length);
  const isJson = media === 'application/json' || /^application\/[\w.-]+\+json$/.test(media);
  if (isJson && (charset === undefined || /^"?utf-?8"?$/.test(charset))) return;
  throw new AppError(
    'unsupported_media_type',
    `The body must be sent as application/json in UTF-8, not as ${type || 'no type at all'}.`,
    { param: 'Content-Type' },
  );
}

/** Depth, key and text faults that a schema does not see. Strings with a lone surrogate or NUL break the tokenizer and SQL. */
function inspect(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0')) {
      const field = path === '' ? 'The body' : `"${path}"`;
      throw new AppError('invalid_unicode', `${field} holds a lone surrogate or a NUL character.`, {
        ...(path === '' ? {} : { param: path }),
      });
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_JSON_DEPTH) {
    throw new AppError('invalid_json', `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === '__proto__' || (key === 'constructor' && hasOwn(child, 'prototype'))) {
      throw new AppError('invalid_request', `Field "${key}" is not allowed.`, { param: key });
    }
    inspect(child, path === '' ? key : `${path}.${key}`, depth + 1);
  }
}

function hasOwn(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** @throws AppError invalid_request for the first fault, naming the field. */
export function parseWith<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  if (first === undefined) throw new AppError('invalid_request', 'The request is not valid.');
  const issue = findFault(first);
  if (issue.code === 'unrecognized_keys') {
    const param = issue.keys[0] ?? '';
    throw new AppError('invalid_request', `Unknown field "${param}".`, { param });
  }
  const param = issue.path.join('.');
  if (issue.code === 'custom' && typeof issue.params?.detail === 'string') {
    throw new AppError('invalid_request', issue.message, { param, detail: issue.params.detail });
  }
  if (issue.code === 'custom' && issue.params?.unsupported === true) {
    throw new AppError('unsupported_parameter', `"${param}" ${issue.message}`, { param });
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  if (isMissing && param !== '') throw new AppError('invalid_request', `"${param}" is missing.`, { param });
  const isWholeMessage = issue.message === `Missing ${param}` || issue.message === `Invalid ${param}`;
  if (!isWholeMessage) throw new AppError('invalid_request', `"${param}": ${issue.message}`, { param });
  const isOfOtherType = issue.code === 'invalid_type' && issue.message.startsWith('Invalid ');
  const detail = isOfOtherType ? { detail: `must be a ${issue.expected}` } : {};
  throw new AppError('invalid_request', issue.message, { param, ...detail });
}

type Issue = z.core.$ZodIssue;

/**
 * Of a union, what is wrong with the member that the value comes closest to: the one whose fault lies deepest. A union
 * with a message of its own speaks for itself.
 */
function findFault(issue: Issue): Issue {
  if (issue.code !== 'invalid_union' || issue.message !== UNION_MESSAGE) return issue;
  const faults = issue.errors.flatMap(([first]) => (first === undefined ? [] : [findFault(first)]));
  const depth = Math.max(0, ...faults.map(({ path }) => path.length));
  const deepest = faults.find(({ path }) => path.length === depth);
  if (deepest === undefined) return issue;
  if (depth > 0) return { ...deepest, path: [...issue.path, ...deepest.path] };
  return { ...issue, message: [...new Set(faults.map(({ message }) => message))].join(', or ') };
}
