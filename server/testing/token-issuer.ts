// An issuer of tokens: signs them, and tells its public keys over HTTP, as long as it is up.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';

export const ISSUER = 'https://issuer.example/';
export const AUDIENCE = 'minivault';

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

export interface Claims {
  readonly sub?: string;
  readonly iss?: string;
  readonly aud?: string;
  /** Seconds from now. */
  readonly lifetimeS?: number;
  readonly [claim: string]: unknown;
}

export class TokenIssuer {
  /** How often its keys were fetched. */
  fetches = 0;
  /** What it answers with. */
  status = 200;
  readonly keys: JSONWebKeySet = { keys: [] };
  #current: { kid: string; alg: string; key: SigningKey } | null = null;
  #server: Server | undefined;
  /** Of its keys. */
  url = '';

  /** With one key; its server is up until the test is over. */
  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await issuer.changeKey('first');
    const server = createServer((_req, res) => {
      issuer.fetches++;
      res.writeHead(issuer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(issuer.keys));
    });
    issuer.#server = server;
    await new Promise<void>(resolve => {
      server.listen(0, '127.0.0.1', resolve);
    });
    issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    return issuer;
  }

  static async startForTest(): Promise<TokenIssuer> {
    const issuer = await TokenIssuer.start();
    onTestFinished(() => issuer.close());
    return issuer;
  }

  /** The settings of a gateway that takes its tokens. */
  get env(): Record<string, string> {
    return {
      MINIVAULT_JWKS_URL: this.url,
      MINIVAULT_JWT_ISSUER: ISSUER,
      MINIVAULT_JWT_AUDIENCE: AUDIENCE,
    };
  }

  /** From now on it signs with a new key; the old one stays good. */
  async changeKey(kid: string, alg = 'ES256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    this.keys.keys.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
    this.#current = { kid, alg, key: privateKey };
  }

  async token({ lifetimeS = 600, ...claims }: Claims = {}): Promise<string> {
    if (this.#current === null) throw new Error('there is no key');
    const { kid, alg, key } = this.#current;
    return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'ann', ...claims })
      .setProtectedHeader({ alg, kid })
      .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeS)
      .sign(key);
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
