import { describe, expect, it } from 'vitest';
import { spellActor, spellDetails, spellEvent } from './audit-words.js';

describe('an event of the audit', () => {
  it('says what happened to what', () => {
    expect(spellEvent({ event: 'key.created', target: 'alice' })).toBe('Made the key alice');
    expect(spellEvent({ event: 'refused', target: 'GET /history' })).toBe('Was refused at GET /history');
    expect(spellEvent({ event: 'of.tomorrow', target: null })).toBe('of.tomorrow');
  });

  it('names who did it, also where that has no name', () => {
    const byAddress = { actor: null, address: '127.0.0.1' };
    expect(spellActor({ event: 'refused', actor: 'alice', address: null })).toBe('alice');
    expect(spellActor({ event: 'refused', ...byAddress })).toBe('somebody without a key');
    expect(spellActor({ event: 'key.created', ...byAddress })).toBe(
      'whoever was there before there were keys',
    );
    expect(spellActor({ event: 'key.created', actor: null, address: null })).toBe(
      'whoever is at the machine',
    );
  });

  it('tells what it adds, without what nobody reads', () => {
    expect(spellDetails({ details: { code: 'missing_api_key', status: 401, count: 3 } })).toBe(
      'code: missing_api_key, status: 401, count: 3',
    );
    expect(spellDetails({ details: { id: '0193', prefix: 'mv_abc', scopes: [], expires_at: null } })).toBe(
      'prefix: mv_abc, scopes: none',
    );
  });

  it('tells a change as what it was and what it is', () => {
    const details = { tokens_per_day: { from: null, to: 5 }, scopes: { from: ['a', 'b'], to: ['a'] } };
    expect(spellDetails({ details })).toBe('tokens per day: none → 5, scopes: a b → a');
  });
});
