import { describe, expect, it } from 'vitest';
import { EVERYTHING, hasFilters, isSearch, parseVaultQuery, toAddress, toFilters } from './vault-query.js';

const address = (search: string): string => toAddress(parseVaultQuery(search));

describe('the address of a search', () => {
  it('has what was asked for and nothing else', () => {
    expect(toAddress(EVERYTHING)).toBe('/vault');
    const asked = {
      ...EVERYTHING,
      query: '"50 %" a&b #1',
      mode: 'hybrid',
      status: 'failed',
      page: 3,
    } as const;
    const [path, search = ''] = toAddress(asked).split('?');
    expect(path).toBe('/vault');
    expect([...new URLSearchParams(search).keys()]).toEqual(['query', 'mode', 'status', 'page']);
    expect(parseVaultQuery(search)).toEqual(asked);
  });

  it.each([
    'mode=psychic',
    'page=0',
    'page=-1',
    'page=1.5',
    'from=2026-13-01',
    'to=yesterday',
    'before=x',
    'other=1',
  ])('is as nothing where it makes no sense: %s', search => {
    expect(address(search)).toBe('/vault');
  });
});

describe('the filters of a search', () => {
  it('are of whole days where the reader is, both included', () => {
    const { since = '', until = '' } = toFilters({ ...EVERYTHING, from: '2026-03-28', to: '2026-03-30' });
    expect(new Date(since).getTime()).toBe(new Date(2026, 2, 28).getTime());
    expect(new Date(until).getTime()).toBe(new Date(2026, 2, 31).getTime());
  });

  it('end where the search before left off, when that is earlier', () => {
    const before = '2026-03-29T12:00:00.000Z';
    expect(toFilters({ ...EVERYTHING, before }).until).toBe(before);
    expect(toFilters({ ...EVERYTHING, to: '2026-03-31', before }).until).toBe(before);
    expect(toFilters({ ...EVERYTHING, to: '2026-03-20', before }).until).not.toBe(before);
  });

  it('are none when only words are looked for, and words of blanks are none', () => {
    expect(hasFilters({ ...EVERYTHING, query: 'sea', page: 2 })).toBe(false);
    expect(hasFilters({ ...EVERYTHING, caller: 'ana' })).toBe(true);
    expect(isSearch({ ...EVERYTHING, query: ' \n' })).toBe(false);
    expect(isSearch({ ...EVERYTHING, query: 'sea' })).toBe(true);
  });
});
