// Credentials of every kind, against a real file of keys and a real issuer of tokens.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConfigError, readConfig } from '../config.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { tempFolder } from '../testing/temp-folder.js';
import { AUDIENCE, type Claims, ISSUER, TokenIssuer } from '../testing/token-issuer.js';
import { until } from '../testing/until.js';
import { createDoorkeeper, type Doorkeeper } from './doorkeeper.js';
import { createKey, revokeKey } from './key-changes.js';

const API_KEY = 'k'.repeat(16);

let file: string;
beforeEach(async () => {
  file = path.join(await tempFolder(), 'keys.json');
});

function doorkeeperOf(env: Record<string, string> = {}): {
  doorkeeper: Doorkeeper;
  entries: ReturnType<typeof recordingLogger>['entries'];
} {
  const { logger, entries } = recordingLogger();
  const doorkeeper = createDoorkeeper(readConfig({ MINIVAULT_KEYS_FILE: file, ...env }), logger);
  onTestFinished(() => doorkeeper.close());
  return { doorkeeper, entries };
}

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    doorkeeperOf(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

describe('a gateway that other machines reach', () => {
  const remedies = expect.stringMatching(/^HOST=.*npm run keys -- create.*API_KEY.*HOST be 127\.0\.0\.1/);

  it.each(['0.0.0.0', '192.168.1.2', '::', 'example.org', '127.0.0.1.nip.io'])(
    'does not start on %s before there is a key that holds',
    async HOST => {
      expect(faultsOf({ HOST })).toEqual([remedies]);
      expect(faultsOf({ HOST, API_KEY: 'short' })).toEqual([remedies]);
      expect(faultsOf({ HOST, API_KEY })).toEqual([]);
      await createKey(file, { name: 'ann' });
      expect(faultsOf({ HOST })).toEqual([]);
      // One that can be guessed is a way in, whatever other keys there are.
      expect(faultsOf({ HOST, API_KEY: 'short' })).toEqual([remedies]);
      await revokeKey(file, 'ann');
      expect(faultsOf({ HOST })).toEqual([remedies]);
    },
  );

  it('may take tokens instead', async () => {
    const issuer = await TokenIssuer.startForTest();
    expect(faultsOf({ HOST: '0.0.0.0', ...issuer.env })).toEqual([]);
    expect(issuer.fetches).toBe(0);
  });

  it.each(['127.0.0.1', '127.0.0.2', 'localhost', '::1'])('is not one on %s', HOST => {
    expect(faultsOf({ HOST })).toEqual([]);
  });
});

describe('who is let in', () => {
  it('is everybody until there is a key, and nobody when the last one is revoked', async () => {
    expect(doorkeeperOf().doorkeeper.isLocked()).toBe(false);
    await createKey(file, { name: 'ann' });
    await revokeKey(file, 'ann');
    const { doorkeeper, entries } = doorkeeperOf();
    expect(doorkeeper.isLocked()).toBe(true);
    expect(entries).toMatchObject([{ level: 'warn', message: expect.stringContaining('No key is active') }]);
  });

  it('is whoever brings one good credential among others', async () => {
    const issuer = await TokenIssuer.startForTest();
    const ann = await createKey(file, { name: 'ann', scopes: ['embed'], limits: { concurrency: 2 } });
    const root = await createKey(file, { name: 'root', role: 'admin', scopes: [] });
    const { doorkeeper } = doorkeeperOf({ API_KEY, ...issuer.env });
    expect(await doorkeeper.identify(['any', API_KEY])).toMatchObject({ name: 'api-key', role: 'admin' });
    const caller = await doorkeeper.identify([ann.secret, 'any']);
    expect(caller).toMatchObject({
      name: 'ann',
      keyId: ann.key.id,
      role: 'user',
      limits: { requestsPerMinute: null, concurrency: 2, tokensPerDay: null },
      share: `key:${ann.key.id}`,
    });
    expect([...(caller?.scopes ?? [])]).toEqual(['embed']);
    expect((await doorkeeper.identify([root.secret]))?.scopes).toContain('metrics');
    expect((await doorkeeper.identify(['any', await issuer.token()]))?.name).toBe('jwt:ann');
    for (const given of [[], [''], ['any'], ['any', `${ann.secret}=`], [ann.key.secret.sha256]]) {
      expect(await doorkeeper.identify(given)).toBeNull();
    }
  });
});

describe('a token', () => {
  async function takes(claims: Claims, env: Record<string, string> = {}) {
    const issuer = await TokenIssuer.startForTest();
    const { doorkeeper } = doorkeeperOf({ ...issuer.env, ...env });
    return doorkeeper.identify([await issuer.token(claims)]);
  }

  it('has the scopes that we know, never what only admins can do', async () => {
    const caller = await takes({ scope: 'openid generate admin history', sub: 'auth0|42' });
    expect(caller).toMatchObject({ name: 'jwt:auth0|42', share: 'jwt:auth0|42', keyId: null, role: 'user' });
    expect([...(caller?.scopes ?? [])]).toEqual(['generate', 'history']);
    expect((await takes({ scope: ['generate'] }))?.scopes.size).toBe(0);
    expect((await takes({}))?.scopes.size).toBe(0);
  });

  it.each<[string | null, Record<string, unknown>, string]>([
    [null, { role: 'admin' }, 'user'],
    ['role', { role: 'admin' }, 'admin'],
    ['role', { role: 'administrator' }, 'user'],
    ['role', {}, 'user'],
    ['role', { role: ['x', 'admin'] }, 'admin'],
    ['realm_access.roles', { realm_access: { roles: ['admin'] } }, 'admin'],
    ['https://a.b/role', { 'https://a.b/role': 'admin' }, 'admin'],
    ['constructor.name', {}, 'user'],
  ])('makes an admin by the claim %s alone: %j', async (claim, claims, role) => {
    const env = claim === null ? {} : { MINIVAULT_JWT_ROLE_CLAIM: claim };
    expect((await takes(claims, env as Record<string, string>))?.role).toBe(role);
  });

  it.each<[string, Claims]>([
    ['is over', { lifetimeS: -60 }],
    ['is not yet good', { nbf: Math.floor(Date.now() / 1000) + 120 }],
    ['is of another issuer', { iss: 'https://other.example/' }],
    ['is for another audience', { aud: 'other' }],
    ['names nobody', { sub: '' }],
    ['names somebody with control characters', { sub: 'ann\n' }],
    ['names somebody at too great length', { sub: 'a'.repeat(129) }],
  ])('that %s is none', async (_, claims) => {
    expect(await takes(claims)).toBeNull();
  });

  it('may be over for as long as clocks differ', async () => {
    expect((await takes({ lifetimeS: -5 }))?.name).toBe('jwt:ann');
  });

  it('is none when nobody, somebody else, or the public key as a secret has signed it', async () => {
    const issuer = await TokenIssuer.startForTest();
    const { doorkeeper } = doorkeeperOf(issuer.env);
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'ann' };
    const signed = (alg: string, extra = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: 'first', ...extra }).setExpirationTime('1h');
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const own = await importJWK(issuer.keys.keys[0] ?? {}, 'ES256', { extractable: true });
    const secret = new TextEncoder().encode(await exportSPKI(own as Parameters<typeof exportSPKI>[0]));
    const [head = '', body = '', signature = ''] = (await issuer.token()).split('.');
    const forged = [
      new UnsecuredJWT(claims).setExpirationTime('1h').encode(),
      await signed('ES256').sign(privateKey),
      await signed('ES256', { jwk: publicKey }).sign(privateKey),
      await signed('HS256').sign(secret),
      `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'root', exp: 9e9 })).toString('base64url')}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      `a.b.c`,
    ];
    for (const token of forged) expect(await doorkeeper.identify([token]), token).toBeNull();
  });

  it.each(['RS256', 'PS384', 'ES512', 'EdDSA'])('may be signed by %s', async alg => {
    const issuer = await TokenIssuer.startForTest();
    await issuer.changeKey('other', alg);
    const { doorkeeper } = doorkeeperOf(issuer.env);
    expect((await doorkeeper.identify([await issuer.token()]))?.name).toBe('jwt:ann');
  });

  it('is refused with 503 while its issuer is away; keys are not, and no flood reaches it', async () => {
    const issuer = await TokenIssuer.startForTest();
    const { secret } = await createKey(file, { name: 'ann' });
    const { doorkeeper, entries } = doorkeeperOf({ API_KEY, ...issuer.env });
    const token = await issuer.token();
    issuer.status = 500;
    for (let i = 0; i < 5; i++) {
      await expect(doorkeeper.identify([token])).rejects.toMatchObject({ code: 'token_issuer_unavailable' });
    }
    expect(issuer.fetches).toBeLessThan(5);
    expect(entries).toMatchObject([{ level: 'warn', message: `No keys for tokens come from ${issuer.url}` }]);
    expect((await doorkeeper.identify([secret]))?.name).toBe('ann');
    expect((await doorkeeper.identify([token, API_KEY]))?.name).toBe('api-key');
    expect(await doorkeeper.identify(['any'])).toBeNull();
    issuer.status = 200;
    await until(() =>
      doorkeeper.identify([token]).then(
        caller => caller?.name === 'jwt:ann',
        () => false,
      ),
    );
    issuer.close();
    expect((await doorkeeper.identify([token]))?.name).toBe('jwt:ann');
  });

  it('goes on when its issuer changes keys, by URL or by file', async () => {
    const issuer = await TokenIssuer.startForTest();
    const jwks = `${file}.jwks`;
    writeFileSync(jwks, JSON.stringify(issuer.keys));
    const remote = doorkeeperOf(issuer.env).doorkeeper;
    const local = doorkeeperOf({ ...issuer.env, MINIVAULT_JWKS_URL: jwks });
    for (const { identify } of [remote, local.doorkeeper]) {
      expect((await identify([await issuer.token()]))?.name).toBe('jwt:ann');
    }
    await issuer.changeKey('second');
    const token = await issuer.token();
    writeFileSync(jwks, '{');
    await until(async () => {
      await local.doorkeeper.identify([token]);
      return local.entries.length > 0;
    });
    expect(local.entries[0]?.message).toContain('those read before stay in force');
    writeFileSync(jwks, JSON.stringify(issuer.keys));
    await until(async () => (await local.doorkeeper.identify([token])) !== null);
    // A key that is not known is asked for once in 30 s.
    expect(await remote.identify([token])).toBeNull();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect((await remote.identify([token]))?.name).toBe('jwt:ann');
  });

  it('whose keys are in a file that is broken or away ends the boot', () => {
    const env = {
      MINIVAULT_JWKS_URL: `${file}.jwks`,
      MINIVAULT_JWT_ISSUER: ISSUER,
      MINIVAULT_JWT_AUDIENCE: AUDIENCE,
    };
    expect(faultsOf(env)).toEqual([expect.stringContaining(`${file}.jwks`)]);
    writeFileSync(`${file}.jwks`, '{"keys":1}');
    expect(faultsOf(env)).toEqual([expect.stringContaining(`${file}.jwks`)]);
  });
});
