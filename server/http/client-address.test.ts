import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClientAddress } from './client-address.js';

const addressOf = (peer: string | undefined, forwarded?: string, trusted: readonly string[] = []): string =>
  createClientAddress(trusted)({
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    socket: { remoteAddress: peer },
  } as unknown as Parameters<ReturnType<typeof createClientAddress>>[0]);

const PROXY = '10.0.0.1';
const TRUSTED = ['10.0.0.0/8', 'fd00::/8', '192.168.1.7'];

describe('the address of a client', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    [undefined, 'unknown'],
    ['', 'unknown'],
  ])('of the socket %s is %s', (peer, word) => {
    expect(addressOf(peer)).toBe(word);
  });

  it('is one for all addresses of an IPv6 subscriber, and another for the next subscriber', () => {
    const hex = fc.integer({ min: 0, max: 0xffff }).map(part => part.toString(16));
    const host = fc.tuple(hex, hex, hex, hex).map(parts => parts.join(':'));
    fc.assert(
      fc.property(host, host, (one, other) => {
        expect(addressOf(`2001:db8:0:1:${one}`)).toBe(addressOf(`2001:db8:0:1:${other}`));
        expect(addressOf(`2001:db8:0:1:${one}`)).not.toBe(addressOf(`2001:db8:0:2:${other}`));
      }),
    );
  });

  it('is the socket’s whatever 1,000 forged headers say, where no proxy is trusted', () => {
    const forged = Array.from({ length: 1_000 }, (_, i) => `${i % 256}.${i >> 8}.7.${i % 251}, ${PROXY}`);
    expect(new Set(forged.map(value => addressOf('8.8.8.8', value)))).toEqual(new Set(['8.8.8.8']));
    expect(new Set(forged.map(value => addressOf('8.8.8.8', value, TRUSTED)))).toEqual(new Set(['8.8.8.8']));
  });

  it('is what the nearest trusted proxy wrote, whatever a client wrote before it', () => {
    const forged = Array.from(
      { length: 1_000 },
      (_, i) => `10.0.${i >> 8}.${i % 256}, evil, 8.8.4.4, 8.8.8.8`,
    );
    expect(new Set(forged.map(value => addressOf(PROXY, value, TRUSTED)))).toEqual(new Set(['8.8.8.8']));
  });

  it.each([
    ['one proxy', PROXY, '8.8.8.8', '8.8.8.8'],
    ['two proxies', PROXY, '1.1.1.1, 8.8.8.8, 10.2.2.2', '8.8.8.8'],
    ['a proxy that is one address', '192.168.1.7', '8.8.8.8', '8.8.8.8'],
    ['its neighbour, who is none', '192.168.1.8', '8.8.8.8', '192.168.1.8'],
    ['a dual-stack socket', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '8.8.8.8'],
    ['a proxy on IPv6', 'fd00::5', '2001:db8::9', '2001:db8::/64'],
    ['ports', PROXY, '8.8.8.8:4711', '8.8.8.8'],
    ['ports on IPv6', PROXY, '[2001:db8::9]:4711', '2001:db8::/64'],
    ['only trusted hops', PROXY, '10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['no header', PROXY, undefined, PROXY],
    ['an empty one', PROXY, '', PROXY],
    ['nonsense at the right end', PROXY, '8.8.8.8, unknown', PROXY],
    ['other spellings of IPv4', PROXY, '0x08080808', PROXY],
  ])('goes through %s', (_, peer, forwarded, word) => {
    expect(addressOf(peer, forwarded, TRUSTED)).toBe(word);
  });

  it('takes networks of mapped addresses for what they are', () => {
    expect(addressOf(PROXY, '8.8.8.8', ['::ffff:10.0.0.0/104'])).toBe('8.8.8.8');
    expect(addressOf(PROXY, '8.8.8.8', ['::ffff:10.0.0.1'])).toBe('8.8.8.8');
  });

  it('follows no endless chain', () => {
    const chain = Array.from({ length: 5_000 }, (_, i) => `10.1.${i >> 8}.${i % 256}`).join(', ');
    expect(addressOf(PROXY, chain, TRUSTED)).toMatch(/^10\.1\.19\./);
  });

  it('never throws, whatever stands in the header', () => {
    fc.assert(fc.property(fc.string(), text => addressOf(PROXY, text, TRUSTED).length > 0));
  });
});
