import { describe, expect, it } from 'vitest';
import type { Caller } from '../domain/caller.js';
import { ownerSeenBy, ownFilters } from './access.js';

const caller = (role: Caller['role'], name: string | null): Caller => ({
  name,
  keyId: null,
  role,
  scopes: new Set(['history']),
  limits: { requestsPerMinute: null, concurrency: null, tokensPerDay: null },
  share: '',
});

describe('what a caller sees', () => {
  it('is its own, and of an admin everything, with a name or without', () => {
    expect(ownerSeenBy(caller('user', 'alice'))).toBe('alice');
    expect([ownerSeenBy(caller('admin', 'root')), ownerSeenBy(caller('admin', null))]).toEqual([null, null]);
  });

  it('is nothing without a name, and not everything', () => {
    expect(() => ownerSeenBy(caller('user', null))).toThrow(
      expect.objectContaining({ code: 'missing_scope' }),
    );
  });

  it('is narrowed by its filters, which reach no further', () => {
    const filters = { status: 'failed', caller: undefined };
    expect(ownFilters(caller('user', 'alice'), filters)).toEqual({ status: 'failed', caller: 'alice' });
    expect(ownFilters(caller('user', 'alice'), { caller: 'alice' })).toEqual({ caller: 'alice' });
    expect(() => ownFilters(caller('user', 'alice'), { caller: 'bob' })).toThrow(
      expect.objectContaining({ code: 'missing_scope', param: 'caller' }),
    );
    expect(ownFilters(caller('admin', 'root'), filters)).toEqual(filters);
    expect(ownFilters(caller('admin', null), { caller: 'bob' })).toEqual({ caller: 'bob' });
  });
});
