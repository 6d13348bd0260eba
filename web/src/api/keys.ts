// Keys and the audit as their admin manages them, and what the caller itself has used.
import type { z } from 'zod';
import type {
  auditPageSchema,
  createKeyBodySchema,
  issuedKeySchema,
  keyListSchema,
  updateKeyBodySchema,
  WireKey,
} from '../../../server/dialects/admin.js';
import type { UsageAnswer } from '../../../server/dialects/usage.js';
import { ask } from './http.js';

export type { UsageAnswer, WireKey };
export type IssuedKey = z.output<typeof issuedKeySchema>;
/** Times in it are text. */
export type KeyDraft = z.input<typeof createKeyBodySchema>;
export type KeyChange = z.input<typeof updateKeyBodySchema>;
export type AuditPage = z.output<typeof auditPageSchema>;
export type AuditItem = AuditPage['items'][number];

const AUDIT_PAGE = 25;
const of = (id: string): string => `/admin/keys/${encodeURIComponent(id)}`;

/** All that were ever made, oldest first. @throws ApiError missing_scope to who is no admin */
export async function listKeys(signal?: AbortSignal): Promise<readonly WireKey[]> {
  const { items } = await ask<z.output<typeof keyListSchema>>(
    '/admin/keys',
    signal === undefined ? {} : { signal },
  );
  return items;
}

/** @throws ApiError key_name_taken; invalid_request where the first is no admin's */
export function createKey(draft: KeyDraft): Promise<IssuedKey> {
  return ask('/admin/keys', { method: 'POST', body: draft });
}

/** @throws ApiError key_not_found, key_revoked */
export function changeKey(id: string, change: KeyChange): Promise<WireKey> {
  return ask(of(id), { method: 'PATCH', body: change });
}

/** @throws ApiError key_not_found, key_revoked */
export function rotateKey(id: string, graceSeconds: number): Promise<IssuedKey> {
  return ask(`${of(id)}/rotate`, { method: 'POST', body: { grace_seconds: graceSeconds } });
}

/** @throws ApiError last_admin_key unless forced */
export function revokeKey(id: string, isForced: boolean): Promise<WireKey> {
  return ask(of(id), { method: 'DELETE', query: isForced ? { force: 'true' } : {} });
}

/** Newest first. @throws ApiError */
export function readAudit(cursor: string | null): Promise<AuditPage> {
  return ask('/admin/audit', { query: { limit: AUDIT_PAGE, ...(cursor === null ? {} : { cursor }) } });
}

/** @throws ApiError */
export function readUsage(): Promise<UsageAnswer> {
  return ask('/v1/usage');
}
