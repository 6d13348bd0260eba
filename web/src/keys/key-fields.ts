// The fields of a key's form: text as it is typed, and what the gateway is told of it. Pure.
import type { KeyChange, KeyDraft, WireKey } from '../api/keys.js';

export type Scope = WireKey['scopes'][number];
export type Role = WireKey['role'];

export const SCOPES: readonly { readonly scope: Scope; readonly about: string }[] = [
  { scope: 'generate', about: 'ask the model' },
  { scope: 'embed', about: 'turn texts into vectors' },
  { scope: 'history', about: 'read and erase its own exchanges' },
  { scope: 'documents:read', about: 'search the documents' },
  { scope: 'documents:write', about: 'add and remove documents' },
  { scope: 'metrics', about: 'read the figures of the machine' },
];
const USUAL: readonly Scope[] = ['generate', 'embed', 'history', 'documents:read', 'documents:write'];

export interface KeyFields {
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
  /** As a `datetime-local` field has it, in the person's own time; empty: never. */
  readonly expires: string;
  /** Empty: any number. */
  readonly requestsPerMinute: string;
  readonly concurrency: string;
  readonly tokensPerDay: string;
}

export function newFields(role: Role): KeyFields {
  return {
    name: '',
    role,
    scopes: USUAL,
    expires: '',
    requestsPerMinute: '',
    concurrency: '',
    tokensPerDay: '',
  };
}

export function fieldsOf({ name, role, scopes, expires_at: expiresAt, limits }: WireKey): KeyFields {
  const text = (limit: number | null): string => (limit === null ? '' : String(limit));
  return {
    name,
    role,
    scopes,
    expires: expiresAt === null ? '' : toLocalField(new Date(expiresAt)),
    requestsPerMinute: text(limits.requests_per_minute),
    concurrency: text(limits.concurrency),
    tokensPerDay: text(limits.tokens_per_day),
  };
}

export function toDraft(fields: KeyFields): KeyDraft {
  const { name, role } = fields;
  return {
    name: name.trim(),
    role,
    ...(role === 'admin' ? {} : { scopes: [...fields.scopes] }),
    expires_at: toExpiry(fields.expires),
    limits: toLimits(fields),
  };
}

/** What is different from the key as it is; null when nothing is. */
export function toChange(fields: KeyFields, key: WireKey): KeyChange | null {
  const before = fieldsOf(key);
  const isSame = (a: readonly Scope[], b: readonly Scope[]): boolean =>
    a.length === b.length && a.every(scope => b.includes(scope));
  const limits = ['requestsPerMinute', 'concurrency', 'tokensPerDay'] as const;
  const change = {
    ...(isSame(fields.scopes, before.scopes) ? {} : { scopes: [...fields.scopes] }),
    ...(fields.expires === before.expires ? {} : { expires_at: toExpiry(fields.expires) }),
    ...(limits.every(name => fields[name] === before[name]) ? {} : { limits: toLimits(fields) }),
  };
  return Object.keys(change).length === 0 ? null : change;
}

function toLimits({ requestsPerMinute, concurrency, tokensPerDay }: KeyFields) {
  const limit = (text: string): number | null => (text.trim() === '' ? null : Number(text));
  return {
    requests_per_minute: limit(requestsPerMinute),
    concurrency: limit(concurrency),
    tokens_per_day: limit(tokensPerDay),
  };
}

function toExpiry(field: string): string | null {
  return field === '' ? null : new Date(field).toISOString();
}

function toLocalField(time: Date): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
