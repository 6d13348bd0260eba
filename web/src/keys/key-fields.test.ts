import { describe, expect, it } from 'vitest';
import type { WireKey } from '../api/keys.js';
import { fieldsOf, newFields, toChange, toDraft } from './key-fields.js';

const KEY: WireKey = {
  id: '0193',
  name: 'alice',
  prefix: 'mv_abcdefg',
  role: 'user',
  scopes: ['generate', 'history'],
  state: 'active',
  created_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2027-01-31T12:00:00.000Z',
  revoked_at: null,
  former: [],
  limits: { requests_per_minute: 10, concurrency: null, tokens_per_day: null },
};

describe('the fields of a key', () => {
  it('say nothing of what was left empty, but that it is without a limit', () => {
    expect(toDraft({ ...newFields('user'), name: ' alice ' })).toEqual({
      name: 'alice',
      role: 'user',
      scopes: ['generate', 'embed', 'history', 'documents:read', 'documents:write'],
      expires_at: null,
      limits: { requests_per_minute: null, concurrency: null, tokens_per_day: null },
    });
  });

  it("tell no scopes of an admin's key, which is for everything", () => {
    expect(toDraft({ ...newFields('admin'), name: 'root' })).not.toHaveProperty('scopes');
  });

  it('are those of the key, and change nothing while nobody changes them', () => {
    expect(toChange(fieldsOf(KEY), KEY)).toBeNull();
  });

  it('tell only what is different, and take a limit and an end away', () => {
    const fields = fieldsOf(KEY);
    expect(toChange({ ...fields, scopes: ['history', 'generate'] }, KEY)).toBeNull();
    expect(toChange({ ...fields, scopes: ['history'] }, KEY)).toEqual({ scopes: ['history'] });
    expect(toChange({ ...fields, expires: '' }, KEY)).toEqual({ expires_at: null });
    expect(toChange({ ...fields, requestsPerMinute: '', tokensPerDay: '5000' }, KEY)).toEqual({
      limits: { requests_per_minute: null, concurrency: null, tokens_per_day: 5000 },
    });
  });

  it('have the end in the time of who looks, and tell it in that of all', () => {
    const fields = fieldsOf(KEY);
    expect(toDraft(fields).expires_at).toBe(KEY.expires_at);
    expect(new Date(fields.expires).toISOString()).toBe(KEY.expires_at);
  });
});
