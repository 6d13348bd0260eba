// The text of the file of keys: version 1, JSON, snake_case. Knows no disk.
import { z } from 'zod';
import { ROLES, SCOPES, type StoredKey } from './keys.js';

const VERSION = 1;
const MOST_REQUESTS = 1_000_000;
const MOST_AT_ONCE = 100_000;
const MOST_TOKENS = 1e15;

/** As a person may call a key: no blanks, and nothing that reads as a key's id or as a token's `jwt:…`. */
export const keyNameSchema = z
  .string()
  .regex(
    /^[A-Za-z\d][\w.@-]{0,63}$/,
    '1 to 64 letters, digits, ".", "_", "@" or "-", a letter or digit first',
  )
  .refine(name => !z.uuid().safeParse(name).success, 'must not look like an id')
  .refine(name => name.toLowerCase() !== 'api-key', '"api-key" is the name of API_KEY');

/** What one key may use; null: only the gateway's own limits hold. Names as on the wire. */
export const keyLimitsSchema = z.strictObject({
  requests_per_minute: z.int().min(1).max(MOST_REQUESTS).nullable(),
  concurrency: z.int().min(1).max(MOST_AT_ONCE).nullable(),
  tokens_per_day: z.int().min(1).max(MOST_TOKENS).nullable(),
});

const time = z.iso.datetime();
const digest = z.string().regex(/^[\da-f]{64}$/, 'a SHA-256 digest in hex');
const keySchema = z.strictObject({
  id: z.uuid(),
  name: keyNameSchema,
  prefix: z.string(),
  sha256: digest,
  former: z.array(z.strictObject({ prefix: z.string(), sha256: digest, until: time })),
  role: z.enum(ROLES),
  scopes: z.array(z.enum(SCOPES)),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  limits: keyLimitsSchema,
});
const versionSchema = z.looseObject({ version: z.int() });
const fileSchema = z.strictObject({ version: z.literal(VERSION), keys: z.array(keySchema) });

/** The file of keys cannot be read, or is not what it should be. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';

  constructor(file: string, fault: string, cause?: unknown) {
    super(`The keys in ${file} cannot be used: ${fault}`, { cause });
  }
}

/** @throws KeyFileError naming the first fault and where it is; no value of the file is shown */
export function parseKeyFile(file: string, text: string): readonly StoredKey[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new KeyFileError(file, 'it is not JSON');
  }
  const { data: versioned } = versionSchema.safeParse(content);
  if (versioned !== undefined && versioned.version > VERSION) {
    throw new KeyFileError(
      file,
      `it is of version ${versioned.version}, and this program knows ${VERSION}; start the newer program`,
    );
  }
  const { data, error } = fileSchema.safeParse(content);
  if (data === undefined) {
    const [issue] = error.issues;
    throw new KeyFileError(file, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`);
  }
  const keys = data.keys.map(fromFile);
  for (const [what, values] of [
    ['id', keys.map(({ id }) => id)],
    ['name', keys.map(({ name }) => name.toLowerCase())],
    ['secret', keys.flatMap(({ secret, former }) => [secret, ...former].map(({ sha256 }) => sha256))],
  ] as const) {
    if (new Set(values).size < values.length) throw new KeyFileError(file, `two keys have the same ${what}`);
  }
  return keys;
}

export function printKeyFile(keys: readonly StoredKey[]): string {
  return `${JSON.stringify({ version: VERSION, keys: keys.map(toFile) }, null, 2)}\n`;
}

function fromFile(key: z.output<typeof keySchema>): StoredKey {
  const { id, name, prefix, sha256, former, role, scopes, limits } = key;
  return {
    id,
    name,
    secret: { sha256, prefix },
    former,
    role,
    scopes,
    createdAt: key.created_at,
    expiresAt: key.expires_at,
    revokedAt: key.revoked_at,
    limits: {
      requestsPerMinute: limits.requests_per_minute,
      concurrency: limits.concurrency,
      tokensPerDay: limits.tokens_per_day,
    },
  };
}

function toFile(key: StoredKey): z.input<typeof keySchema> {
  const { requestsPerMinute, concurrency, tokensPerDay } = key.limits;
  return {
    id: key.id,
    name: key.name,
    prefix: key.secret.prefix,
    sha256: key.secret.sha256,
    former: [...key.former],
    role: key.role,
    scopes: [...key.scopes],
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    limits: { requests_per_minute: requestsPerMinute, concurrency, tokens_per_day: tokensPerDay },
  };
}
