// The admin's: keys and the audit.
import {
  auditPageSchema,
  auditQuerySchema,
  createKeyBodySchema,
  issuedKeySchema,
  keyListSchema,
  keyPathSchema,
  keySchema,
  revokeKeyQuerySchema,
  rotateKeyBodySchema,
  updateKeyBodySchema,
} from '../dialects/admin.js';
import { BODY_ERRORS, type Operation } from './operation.js';

const TAG = 'Admin';

export const adminOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/admin/keys',
    tag: TAG,
    summary: 'All stored keys',
    description: 'Without their secrets, which nobody has but their owners.',
    answers: { 200: { description: 'Oldest first.', content: { 'application/json': keyListSchema } } },
    errors: ['internal'],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/admin/keys',
    tag: TAG,
    summary: 'Make a key',
    description:
      'From the first key on, every request needs one. So the first must be an admin’s, unless there is an API_KEY.',
    body: createKeyBodySchema,
    answers: {
      201: {
        description: 'The key, and its secret this once.',
        content: { 'application/json': issuedKeySchema },
      },
    },
    errors: [...BODY_ERRORS, 'key_name_taken', 'storage_unavailable'],
    errorShape: 'simple',
  },
  {
    method: 'patch',
    path: '/admin/keys/{id}',
    tag: TAG,
    summary: 'Change scopes, expiry and limits of a key',
    pathParams: keyPathSchema,
    body: updateKeyBodySchema,
    answers: { 200: { description: 'The key as it is now.', content: { 'application/json': keySchema } } },
    errors: [...BODY_ERRORS, 'key_not_found', 'key_revoked', 'storage_unavailable'],
    errorShape: 'simple',
  },
  {
    method: 'delete',
    path: '/admin/keys/{id}',
    tag: TAG,
    summary: 'Revoke a key, for ever',
    description:
      'Requests that run end as they would, the next one is 401, within 5 s at every gateway that shares the keys. The record stays, since histories go by its name.',
    pathParams: keyPathSchema,
    query: revokeKeyQuerySchema,
    answers: { 200: { description: 'The revoked key.', content: { 'application/json': keySchema } } },
    errors: ['invalid_request', 'key_not_found', 'last_admin_key', 'storage_unavailable', 'internal'],
    errorShape: 'simple',
  },
  {
    method: 'post',
    path: '/admin/keys/{id}/rotate',
    tag: TAG,
    summary: 'Give a key a new secret',
    description: 'The former one works for `grace_seconds` more. Needs no body.',
    pathParams: keyPathSchema,
    body: rotateKeyBodySchema,
    answers: {
      200: {
        description: 'The key, and its new secret this once.',
        content: { 'application/json': issuedKeySchema },
      },
    },
    errors: [...BODY_ERRORS, 'key_not_found', 'key_revoked', 'storage_unavailable'],
    errorShape: 'simple',
  },
  {
    method: 'get',
    path: '/admin/audit',
    tag: TAG,
    summary: 'Every change of keys and every refusal, newest first',
    description:
      'Equal refusals (401, 403, 429) of one address are one event a minute, with their `count`. Follow `next_cursor` to read on.',
    query: auditQuerySchema,
    answers: { 200: { description: 'A page.', content: { 'application/json': auditPageSchema } } },
    errors: ['invalid_request', 'internal'],
    errorShape: 'simple',
  },
];
