// What a person writes behind `npm run keys --`: an action, whom it is for, and its options. Knows no keys.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { z } from 'zod';
import { ROLES, SCOPES } from '../access/keys.js';
import type { CallerLimits, Role, Scope } from '../domain/caller.js';
import { UsageError } from './command.js';

export type KeyAction =
  | {
      readonly action: 'create';
      readonly name: string;
      readonly role: Role;
      readonly scopes: readonly Scope[] | null;
      readonly expiresAt: Date | null;
      readonly limits: Partial<CallerLimits>;
    }
  | { readonly action: 'list'; readonly isJson: boolean }
  | { readonly action: 'revoke'; readonly key: string; readonly isForced: boolean }
  | { readonly action: 'rotate'; readonly key: string; readonly graceMs: number };

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const timeSchema = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);
const MAX_DURATION_MS = 100 * 365 * 86_400_000;
const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const OPTIONS = {
  create: {
    name: TEXT,
    role: TEXT,
    scopes: TEXT,
    expires: TEXT,
    'requests-per-minute': TEXT,
    concurrency: TEXT,
    'tokens-per-day': TEXT,
  },
  list: { json: FLAG },
  revoke: { force: FLAG },
  rotate: { grace: TEXT },
} as const satisfies Record<string, ParseArgsConfig['options']>;

/** @throws UsageError naming what is wrong */
export function parseKeyAction([action, ...rest]: readonly string[], nowMs: number): KeyAction {
  switch (action) {
    case 'create': {
      const { values, word } = parse(rest, OPTIONS.create);
      if (values.name !== undefined && word !== null)
        throw new UsageError(`Two names: ${values.name} and ${word}`);
      return {
        action,
        name: required(values.name ?? word, 'a name'),
        role: oneOf(ROLES, values.role ?? 'user', '--role'),
        scopes:
          values.scopes === undefined
            ? null
            : values.scopes.split(',').map(text => oneOf(SCOPES, text.trim(), '--scopes')),
        expiresAt: values.expires === undefined ? null : parseEnd(values.expires, nowMs),
        limits: {
          requestsPerMinute: parseCount(values['requests-per-minute'], '--requests-per-minute', 1e6),
          concurrency: parseCount(values.concurrency, '--concurrency', 1e5),
          tokensPerDay: parseCount(values['tokens-per-day'], '--tokens-per-day', 1e15),
        },
      };
    }
    case 'list': {
      const { values, word } = parse(rest, OPTIONS.list);
      if (word !== null) throw new UsageError(`Unknown word ${word}`);
      return { action, isJson: values.json === true };
    }
    case 'revoke': {
      const { values, word } = parse(rest, OPTIONS.revoke);
      return { action, key: required(word, 'the name or id of a key'), isForced: values.force === true };
    }
    case 'rotate': {
      const { values, word } = parse(rest, OPTIONS.rotate);
      const graceMs = values.grace === undefined ? 0 : parseDuration(values.grace, '--grace');
      return { action, key: required(word, 'the name or id of a key'), graceMs };
    }
    case undefined:
      throw new UsageError('Say what is to be done');
    default:
      throw new UsageError(`Unknown word ${action}`);
  }
}

function parse<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  let parsed: ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const [word = null, second] = parsed.positionals;
  if (second !== undefined) throw new UsageError(`Unknown word ${second}`);
  return { values: parsed.values, word };
}

function required(value: string | null, what: string): string {
  if (value === null || value === '') throw new UsageError(`Say ${what}`);
  return value;
}

function oneOf<Value extends string>(values: readonly Value[], text: string, option: string): Value {
  const found = values.find(value => value === text);
  if (found === undefined) throw new UsageError(`${option}: "${text}" is none of ${values.join(', ')}`);
  return found;
}

function parseCount(text: string | undefined, option: string, max: number): number | null {
  if (text === undefined) return null;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw new UsageError(`${option}: a whole number from 1 to ${max}`);
  return count;
}

function parseDuration(text: string, option: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms >= 0 && ms <= MAX_DURATION_MS) return ms;
  throw new UsageError(`${option}: a number with s, m, h, d or w behind it, such as 1h`);
}

function parseEnd(text: string, nowMs: number): Date {
  if (/^\d+[a-z]$/.test(text)) return new Date(nowMs + parseDuration(text, '--expires'));
  const end = timeSchema.safeParse(text).data;
  if (end === undefined) {
    throw new UsageError(
      '--expires: a time from now, such as 90d, a day, such as 2027-01-31, or a time with its zone',
    );
  }
  return new Date(end);
}
