// /admin/keys and /admin/audit: keys made, changed and ended, and what became of them; for admins.
import type { RequestHandler, Response } from 'express';
import { KeyFileError } from '../access/key-file-format.js';
import type { KeyRing } from '../access/key-ring.js';
import { type StoredKey, stateOf } from '../access/keys.js';
import type { Author, ManagedKeys } from '../access/managed-keys.js';
import {
  auditQuerySchema,
  createKeyBodySchema,
  encodeAuditPage,
  revokeKeyQuerySchema,
  rotateKeyBodySchema,
  toLimits,
  toWireKey,
  updateKeyBodySchema,
  type WireKey,
} from '../dialects/admin.js';
import { AppError } from '../errors.js';
import { parseBody, parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { HeldError } from '../locks/folder-lock.js';
import type { AuditLog } from '../store/audit-log.js';
import { readAuditPage } from '../store/audit-pages.js';

const RETRY_MS = 1_000;

export interface AdminRouteParts {
  readonly keys: Pick<KeyRing, 'all'>;
  readonly managedKeys: ManagedKeys;
  readonly audit: Pick<AuditLog, 'settled'>;
  readonly auditFile: string;
}

type OfOne = RequestHandler<{ id: string }>;

export function listKeysRoute({ keys }: Pick<AdminRouteParts, 'keys'>): RequestHandler {
  return (_req, res) => {
    sendPrivately(res, 200, { items: keys.all().map(told) });
  };
}

export function createKeyRoute({ managedKeys }: Pick<AdminRouteParts, 'managedKeys'>): RequestHandler {
  return async (req, res) => {
    const { name, role, scopes, expires_at: expiresAt, limits } = parseBody(req, createKeyBodySchema);
    const draft = {
      name,
      role,
      expiresAt,
      limits: toLimits(limits),
      ...(scopes === undefined ? {} : { scopes }),
    };
    const { key, secret } = await changing(managedKeys.create(draft, authorOf(res)));
    sendPrivately(res, 201, { ...told(key), secret });
  };
}

export function updateKeyRoute({ managedKeys }: Pick<AdminRouteParts, 'managedKeys'>): OfOne {
  return async (req, res) => {
    const { scopes, expires_at: expiresAt, limits } = parseBody(req, updateKeyBodySchema);
    const update = {
      ...(scopes === undefined ? {} : { scopes }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      limits: toLimits(limits),
    };
    const key = await changing(managedKeys.update(req.params.id, update, authorOf(res)));
    sendPrivately(res, 200, told(key));
  };
}

/** The record stays: its name is in the history. */
export function revokeKeyRoute({ managedKeys }: Pick<AdminRouteParts, 'managedKeys'>): OfOne {
  return async (req, res) => {
    const { force } = parseWith(revokeKeyQuerySchema, req.query);
    const key = await changing(managedKeys.revoke(req.params.id, force, authorOf(res)));
    sendPrivately(res, 200, told(key));
  };
}

export function rotateKeyRoute({ managedKeys }: Pick<AdminRouteParts, 'managedKeys'>): OfOne {
  return async (req, res) => {
    const { grace_seconds: graceSeconds } = parseBody(req, rotateKeyBodySchema);
    const graceMs = graceSeconds * 1_000;
    const { key, secret } = await changing(managedKeys.rotate(req.params.id, graceMs, authorOf(res)));
    sendPrivately(res, 200, { ...told(key), secret });
  };
}

/** What has just happened is in it. */
export function auditRoute({
  audit,
  auditFile,
}: Pick<AdminRouteParts, 'audit' | 'auditFile'>): RequestHandler {
  return async (req, res) => {
    const query = parseWith(auditQuerySchema, req.query);
    await audit.settled();
    const page = await readAuditPage(auditFile, query);
    res.set('Cache-Control', 'no-store').type('json').send(encodeAuditPage(page));
  };
}

/** @throws AppError storage_unavailable where the file of keys cannot be read, written or had for oneself */
async function changing<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (cause) {
    const isOfTheDisk = cause instanceof KeyFileError || cause instanceof HeldError || isSystemError(cause);
    if (!isOfTheDisk) throw cause;
    throw new AppError(
      'storage_unavailable',
      `The keys cannot be changed now: ${(cause as Error).message}.`,
      {
        retryAfterMs: RETRY_MS,
        cause,
      },
    );
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function authorOf(res: Response): Author {
  const { caller, address, requestId } = scopeOf(res);
  return { actor: caller.name, address, requestId };
}

function sendPrivately(res: Response, status: number, body: object): void {
  res.status(status).set('Cache-Control', 'no-store').json(body);
}

function told(key: StoredKey): WireKey {
  return toWireKey({ ...key, state: stateOf(key, Date.now()) });
}
