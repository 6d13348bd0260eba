// Keys and the audit as their admin asks for them and is told them.
import { z } from 'zod';
import type { CallerLimits, Role, Scope } from '../domain/caller.js';
import { wholeNumberSchema } from './query-number.js';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;
const MAX_GRACE_SECONDS = 30 * 24 * 3_600;

const roleSchema = z.enum(['user', 'admin']) satisfies z.ZodType<Role>;
const scopeSchema = z.enum([
  'generate',
  'embed',
  'history',
  'documents:read',
  'documents:write',
  'metrics',
  'admin',
]) satisfies z.ZodType<Scope>;

const limit = (max: number, what: string) => z.int().min(1).max(max).nullable().optional().describe(what);
const limitsSchema = z
  .strictObject({
    requests_per_minute: limit(1_000_000, 'Requests in any minute.'),
    concurrency: limit(100_000, 'Requests that run or wait at once.'),
    tokens_per_day: limit(1e15, 'Prompt and answer together, of a day in UTC.'),
  })
  .describe('What the key may use; null: only the gateway’s own limits hold.');

const expirySchema = z.iso
  .datetime({ offset: true, error: 'must be a time with its zone, such as 2027-01-31T12:00:00Z' })
  .transform(text => new Date(text))
  .nullable()
  .describe('When it ends; null: never.');
const scopesSchema = z
  .array(scopeSchema)
  .max(20)
  .describe('What it is good for; an admin’s is for everything.');

export const createKeyBodySchema = z.strictObject({
  name: z
    .string()
    .describe(
      'Of the key, and of its caller in log and history: letters, digits, ".", "_", "@", "-". Never used twice.',
    ),
  role: roleSchema.default('user').describe('An admin sees and may do everything.'),
  scopes: scopesSchema.optional().describe('Default: all but metrics and admin.'),
  expires_at: expirySchema.default(null),
  limits: limitsSchema.optional(),
});

export const updateKeyBodySchema = z
  .strictObject({
    scopes: scopesSchema.optional(),
    expires_at: expirySchema.optional(),
    limits: limitsSchema.optional().describe('Those that are left out stay as they are.'),
  })
  .refine(body => Object.values(body).some(value => value !== undefined), 'nothing is to be changed');

export const rotateKeyBodySchema = z.strictObject({
  grace_seconds: z
    .int()
    .min(0)
    .max(MAX_GRACE_SECONDS)
    .default(0)
    .describe('How long the former secret still works beside the new one.'),
});

export const revokeKeyQuerySchema = z.strictObject({
  force: z
    .enum(['true', 'false'])
    .default('false')
    .transform(value => value === 'true')
    .describe('Also the last admin’s where there is no API_KEY.'),
});

export const keyPathSchema = z.object({ id: z.string().describe('Id or name of the key.') });

export const keySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().describe('The first characters of its secret.'),
    role: roleSchema,
    scopes: z.array(scopeSchema),
    state: z.enum(['active', 'expired', 'revoked']),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
    former: z
      .array(z.object({ prefix: z.string(), until: z.iso.datetime() }))
      .describe('Secrets from before a rotation that still work, and until when.'),
    limits: z.object({
      requests_per_minute: z.int().nullable(),
      concurrency: z.int().nullable(),
      tokens_per_day: z.int().nullable(),
    }),
  })
  .meta({ id: 'Key' });

export const issuedKeySchema = keySchema.extend({
  secret: z.string().describe('To be sent with every request. Told here, and never again.'),
});
export const keyListSchema = z.object({
  items: z.array(keySchema).describe('All that were ever made, oldest first.'),
});

export type WireKey = z.output<typeof keySchema>;

/** A key in the words of the core. */
export interface DescribedKey extends Pick<WireKey, 'id' | 'name' | 'role' | 'state'> {
  readonly secret: { readonly prefix: string };
  readonly former: readonly { readonly prefix: string; readonly until: string }[];
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly limits: CallerLimits;
}

export function toWireKey(key: DescribedKey): WireKey {
  const { id, name, secret, former, role, scopes, state, limits } = key;
  return {
    id,
    name,
    prefix: secret.prefix,
    role,
    scopes: [...scopes],
    state,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    former: former.map(({ prefix, until }) => ({ prefix, until })),
    limits: {
      requests_per_minute: limits.requestsPerMinute,
      concurrency: limits.concurrency,
      tokens_per_day: limits.tokensPerDay,
    },
  };
}

export const auditQuerySchema = z.strictObject({
  limit: wholeNumberSchema(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe('Events a page.'),
  cursor: z.string().optional().describe('The `next_cursor` of the page before.'),
});

export const auditPageSchema = z.object({
  items: z
    .array(
      z.looseObject({
        timestamp: z.iso.datetime(),
        event: z.string().describe('key.created, key.updated, key.rotated, key.revoked or refused.'),
        actor: z
          .string()
          .nullable()
          .describe('Name of who did it, or was refused; null where that is not known.'),
        target: z.string().nullable().describe('The key; of a refusal the route.'),
        address: z.string().nullable().describe('Where it came from; null for the command line.'),
        request_id: z.string().nullable(),
        details: z.looseObject({}).describe('Of refusals `code`, `status` and the `count` of equal ones.'),
      }),
    )
    .describe('Newest first.'),
  next_cursor: z.string().nullable().describe('Null on the last page.'),
});

export interface AuditAnswer {
  /** Each the JSON of an event. */
  readonly lines: readonly string[];
  readonly nextCursor: string | null;
}

export function encodeAuditPage({ lines, nextCursor }: AuditAnswer): string {
  return `{"items":[${lines.join(',')}],"next_cursor":${JSON.stringify(nextCursor)}}`;
}

/** The limits of a body in the words of the core; what is left out stays out. */
export function toLimits(limits: z.output<typeof limitsSchema> | undefined) {
  const { requests_per_minute: requestsPerMinute, concurrency, tokens_per_day: tokensPerDay } = limits ?? {};
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(tokensPerDay === undefined ? {} : { tokensPerDay }),
  };
}
