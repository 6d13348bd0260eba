import { describe, expect, it } from 'vitest';
import { UsageError } from './command.js';
import { parseKeyAction } from './key-options.js';

const NOW_MS = Date.UTC(2026, 10, 27);
const parse = (line: string) => parseKeyAction(line.split(' ').filter(Boolean), NOW_MS);

describe('what stands behind npm run keys', () => {
  it('is taken apart', () => {
    expect(parse('create alice')).toEqual({
      action: 'create',
      name: 'alice',
      role: 'user',
      scopes: null,
      expiresAt: null,
      limits: { requestsPerMinute: null, concurrency: null, tokensPerDay: null },
    });
    expect(parse('create --role=admin --name root --tokens-per-day 5')).toMatchObject({
      name: 'root',
      role: 'admin',
      limits: { tokensPerDay: 5 },
    });
    expect(parse('create a --scopes generate,documents:read')).toMatchObject({
      scopes: ['generate', 'documents:read'],
    });
    expect(parse('list')).toEqual({ action: 'list', isJson: false });
    expect(parse('list --json')).toEqual({ action: 'list', isJson: true });
    expect(parse('revoke alice --force')).toEqual({ action: 'revoke', key: 'alice', isForced: true });
    expect(parse('rotate alice')).toEqual({ action: 'rotate', key: 'alice', graceMs: 0 });
    expect(parse('rotate alice --grace 90m')).toMatchObject({ graceMs: 5_400_000 });
  });

  it.each([
    ['30s', '2026-11-27T00:00:30.000Z'],
    ['12h', '2026-11-27T12:00:00.000Z'],
    ['90d', '2027-02-25T00:00:00.000Z'],
    ['2w', '2026-12-11T00:00:00.000Z'],
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.000Z'],
    ['2027-01-31T12:00:00+02:00', '2027-01-31T10:00:00.000Z'],
  ])('--expires %s is %s', (text, end) => {
    expect(parse(`create a --expires ${text}`)).toMatchObject({ expiresAt: new Date(end) });
  });

  it.each([
    ['', 'Say what is to be done'],
    ['erase alice', 'Unknown word erase'],
    ['create', 'Say a name'],
    ['create a b', 'Unknown word b'],
    ['create a --name b', 'Two names: b and a'],
    ['create a --name', 'name'],
    ['create a --role root', '--role: "root" is none of user, admin'],
    ['create a --scopes generate,all', '--scopes: "all" is none of generate'],
    ['create a --scopes generate,', '--scopes: "" is none of generate'],
    ['create a --expires soon', '--expires: '],
    ['create a --expires 2027-02-31', '--expires: '],
    ['create a --expires 2999-01-01T00:00:00', '--expires: '],
    ['create a --expires 90y', '--expires: '],
    ['create a --concurrency 0', '--concurrency: a whole number from 1'],
    ['create a --concurrency 1000000', '--concurrency: a whole number from 1'],
    ['create a --tokens-per-day 1e3', '--tokens-per-day: a whole number from 1'],
    ['create a --requests-per-minute=-1', '--requests-per-minute: a whole number from 1'],
    ['create a --secret x', "Unknown option '--secret'"],
    ['list --all', "Unknown option '--all'"],
    ['list a', 'Unknown word a'],
    ['revoke', 'Say the name or id of a key'],
    ['revoke a --force=yes', '--force'],
    ['rotate a --grace 1', '--grace: a number with s, m, h, d or w behind it'],
    ['rotate a --grace 999999999w', '--grace: '],
  ])('"%s" is refused: %s', (line, fault) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(fault);
  });
});
