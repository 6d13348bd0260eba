// Every route of the router, tried with every form of credential (faults R12, G19). What each route asks for is written
// down here a second time: one that is new, or asks for something else than it did, fails until somebody has said so.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, revokeKey, rotateKey } from './access/key-changes.js';
import { readKeyFile } from './access/key-file.js';
import { printKeyFile } from './access/key-file-format.js';
import { SCOPES } from './access/keys.js';
import { createApp } from './app.js';
import { AppError } from './errors.js';
import type { Access } from './http/access.js';
import { routeAccessOf } from './http/route-access.js';
import { errorBodyOf } from './routes/error-dialect.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { TokenIssuer } from './testing/token-issuer.js';

const NEEDS: Readonly<Record<string, readonly Access[]>> = {
  'get /': ['open'],
  'get /livez': ['open'],
  'get /readyz': ['open'],
  'get /docs': ['open'],
  'get /docs/{name}': ['open'],
  'get /health': ['any'],
  'get /api/v1/health': ['any'],
  'get /openapi.json': ['any'],
  'get /v1/usage': ['any'],
  'get /v1/queue': ['any'],
  'get /v1/queue/events': ['any'],
  'delete /v1/queue/{id}': ['any'],
  'get /v1/models': ['any'],
  'get /v1/models/{id}': ['any'],
  'get /api/tags': ['any'],
  'get /api/ps': ['any'],
  'post /api/show': ['any'],
  'get /api/version': ['any'],
  'post /api/pull': ['any'],
  'post /api/create': ['any'],
  'post /api/push': ['any'],
  'post /api/copy': ['any'],
  'delete /api/delete': ['any'],
  'post /api/blobs/{digest}': ['any'],
  'post /generate': ['generate'],
  'post /stream': ['generate'],
  'post /v1/chat/completions': ['generate'],
  'post /v1/completions': ['generate'],
  'post /v1/responses': ['generate'],
  'get /v1/responses/{id}': ['generate'],
  'delete /v1/responses/{id}': ['generate'],
  'post /v1/responses/{id}/cancel': ['generate'],
  'get /v1/responses/{id}/input_items': ['generate'],
  'post /v1/messages': ['generate'],
  'post /v1/messages/count_tokens': ['generate'],
  'post /api/generate': ['generate'],
  'post /api/chat': ['generate'],
  'get /api/v1/chat/stream/{client_id}': ['generate'],
  'delete /api/v1/chat/stream/{client_id}': ['generate'],
  'post /api/v1/chat/submit': ['generate'],
  'post /api/v1/chat': ['generate'],
  'post /v1/embeddings': ['embed'],
  'post /api/embed': ['embed'],
  'post /api/embeddings': ['embed'],
  'get /history': ['history'],
  'get /history/export': ['history'],
  'get /history/{id}': ['history'],
  'delete /history/{id}': ['history'],
  'post /history/{id}/replay': ['history', 'generate'],
  'get /chats': ['history'],
  'get /chats/{id}': ['history'],
  'delete /chats/{id}': ['history'],
  'get /search': ['history'],
  'post /api/v1/documents/add': ['documents:write'],
  'post /api/v1/documents/upload': ['documents:write'],
  'get /api/v1/documents/search': ['documents:read'],
  'get /api/v1/documents': ['documents:read'],
  'get /api/v1/documents/{id}': ['documents:read'],
  'delete /api/v1/documents/{id}': ['documents:write'],
  'get /metrics': ['metrics'],
  'get /admin/keys': ['admin'],
  'post /admin/keys': ['admin'],
  'patch /admin/keys/{id}': ['admin'],
  'delete /admin/keys/{id}': ['admin'],
  'post /admin/keys/{id}/rotate': ['admin'],
  'get /admin/audit': ['admin'],
};

const API_KEY = 'canary-5d1f0c9ab7e84e21';
const LONG_MS = 3_600_000;
/** What only the role of that name has. */
const USER_SCOPES = SCOPES.filter(scope => scope !== 'admin');

type Outcome = 'in' | 'unknown' | 'forbidden';
interface Credential {
  readonly form: string;
  readonly headers: Record<string, string>;
  readonly query?: string;
  readonly outcome: (needs: readonly Access[]) => Outcome;
}

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const header = (key: string) => ({ 'X-API-Key': key });

describe('every route', () => {
  let app: StartedApp;
  let issuer: TokenIssuer;
  const credentials: Credential[] = [];

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    app = await startApp({ plan: { tokens: 2 }, env: { API_KEY, ...issuer.env } });
    await app.ready();
    credentials.push(...(await makeCredentials()));
    await app.parts.doorkeeper.keys.reload();
  });
  afterAll(async () => {
    await app.close();
    issuer.close();
  });

  async function makeCredentials(): Promise<Credential[]> {
    const { file } = app.parts.doorkeeper.keys;
    const made = async (name: string, scopes: readonly (typeof SCOPES)[number][]) =>
      (await createKey(file, { name, scopes })).secret;
    const needing = (scopes: readonly string[]) => (needs: readonly Access[]) =>
      needs.every(need => need === 'open' || need === 'any' || scopes.includes(need)) ? 'in' : 'forbidden';
    const scoped = await Promise.all(
      USER_SCOPES.flatMap(scope => [
        { name: `only-${scope.replace(':', '-')}`, scopes: [scope] },
        { name: `all-but-${scope.replace(':', '-')}`, scopes: USER_SCOPES.filter(each => each !== scope) },
      ]).map(async ({ name, scopes }) => ({
        form: name,
        headers: name.startsWith('only')
          ? bearer(await made(name, scopes))
          : header(await made(name, scopes)),
        outcome: needing(scopes),
      })),
    );
    const all = await made('all', USER_SCOPES);
    const nothing = await made('nothing', []);
    const admin = (await createKey(file, { name: 'root', role: 'admin', scopes: [] })).secret;
    const revoked = await made('revoked', USER_SCOPES);
    await revokeKey(file, 'revoked');
    const former = await made('rotated', USER_SCOPES);
    const current = (await rotateKey(file, 'rotated', LONG_MS)).secret;
    const replaced = await made('replaced', USER_SCOPES);
    await rotateKey(file, 'replaced', 0);
    const expired = await made('expired', USER_SCOPES);
    const keys = readKeyFile(file).map(key =>
      key.name === 'expired' ? { ...key, expiresAt: new Date(Date.now() - 1_000).toISOString() } : key,
    );
    writeFileSync(file, printKeyFile(keys));

    const isIn = (): Outcome => 'in';
    const isUnknown = (): Outcome => 'unknown';
    return [
      { form: 'none', headers: {}, outcome: isUnknown },
      { form: 'an empty key', headers: header(''), outcome: isUnknown },
      { form: 'a wrong bearer', headers: bearer('wrong'), outcome: isUnknown },
      { form: 'a wrong X-API-Key', headers: header('wrong'), outcome: isUnknown },
      { form: 'Basic', headers: { Authorization: `Basic ${API_KEY}` }, outcome: isUnknown },
      { form: 'a cookie', headers: { Cookie: `X-API-Key=${API_KEY}` }, outcome: isUnknown },
      { form: 'the URL', headers: {}, query: `?api_key=${API_KEY}&key=${all}`, outcome: isUnknown },
      { form: 'API_KEY as bearer', headers: bearer(API_KEY), outcome: isIn },
      { form: 'API_KEY', headers: header(API_KEY), outcome: isIn },
      { form: 'API_KEY in small letters', headers: { 'x-api-key': API_KEY }, outcome: isIn },
      { form: 'API_KEY beside a filler', headers: { ...bearer('any'), ...header(API_KEY) }, outcome: isIn },
      {
        form: 'a key beside a filler',
        headers: { ...bearer(all), ...header('any') },
        outcome: needing(USER_SCOPES),
      },
      ...scoped,
      { form: 'a key without scopes', headers: bearer(nothing), outcome: needing([]) },
      { form: 'an admin as bearer', headers: bearer(admin), outcome: isIn },
      { form: 'an admin', headers: header(admin), outcome: isIn },
      { form: 'a revoked bearer', headers: bearer(revoked), outcome: isUnknown },
      { form: 'a revoked key', headers: header(revoked), outcome: isUnknown },
      { form: 'an expired bearer', headers: bearer(expired), outcome: isUnknown },
      { form: 'an expired key', headers: header(expired), outcome: isUnknown },
      { form: 'a rotated key', headers: header(current), outcome: needing(USER_SCOPES) },
      { form: 'its former secret', headers: header(former), outcome: needing(USER_SCOPES) },
      { form: 'a former secret without grace', headers: header(replaced), outcome: isUnknown },
      {
        form: 'a token',
        headers: bearer(await issuer.token({ scope: USER_SCOPES.join(' ') })),
        outcome: needing(USER_SCOPES),
      },
      { form: 'a token in X-API-Key', headers: header(await issuer.token()), outcome: needing([]) },
      {
        form: 'a token that is over',
        headers: bearer(await issuer.token({ lifetimeS: -60 })),
        outcome: isUnknown,
      },
    ];
  }

  /** The head of the answer; of a stream that stays open nothing more is read. */
  async function ask(route: string, { headers, query = '' }: Credential) {
    const [method = '', where = ''] = route.split(' ');
    const leaving = new AbortController();
    const response = await fetch(app.url + where.replaceAll(/\{\w+\}/g, 'x') + query, {
      method: method.toUpperCase(),
      headers,
      signal: leaving.signal,
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const text = isStream ? '' : await response.text();
    leaving.abort();
    return { status: response.status, challenge: response.headers.get('www-authenticate'), text };
  }

  it('has a guard before anything else of it, and the one that is written down here', () => {
    const routes = routeAccessOf(createApp(app.parts));
    expect(routes.filter(({ isGuarded }) => !isGuarded)).toEqual([]);
    expect(
      Object.fromEntries(routes.map(({ method, path: at, needs }) => [`${method} ${at}`, needs])),
    ).toEqual(NEEDS);
  });

  it('lets in whom it should, and nobody else', { timeout: 180_000 }, async ({ task }) => {
    const missing = ['get /nothing', 'patch /v1/models', 'get /v1/nothing', 'get /api/nothing'];
    const rows = [...Object.entries(NEEDS), ...missing.map(route => [route, ['any']] as const)];
    let tried = 0;
    for (const [route, needs] of rows) {
      for (const credential of credentials) {
        const name = `${route} with ${credential.form}`;
        const { status, challenge, text } = await ask(route, credential);
        const outcome = needs[0] === 'open' ? 'in' : credential.outcome(needs);
        tried++;
        if (outcome === 'in') {
          expect([401, 403], name).not.toContain(status);
          continue;
        }
        const body: unknown = JSON.parse(text);
        const shape = errorBodyOf({ path: route.split(' ')[1] ?? '' });
        if (outcome === 'unknown') {
          expect(status, name).toBe(401);
          expect(challenge, name).toBe('Bearer realm="minivault"');
          expect(withoutId(body), name).toEqual(withoutId(JSON.parse((await ask(route, NOTHING)).text)));
        } else {
          expect(status, name).toBe(403);
          expect(challenge, name).toMatch(
            /^Bearer realm="minivault", error="insufficient_scope", scope="[\w:]+"$/,
          );
          const scope = /scope="([\w:]+)"$/.exec(challenge ?? '')?.[1];
          expect(needs, name).toContain(scope);
          const said = scope === 'admin' ? 'an admin’s key' : `the scope \\"${scope}\\"`;
          expect(text, name).toContain(said);
        }
        const code = outcome === 'unknown' ? 'invalid_api_key' : 'missing_scope';
        expect(keysOf(body), name).toEqual(keysOf(shape(new AppError(code, ''), '')));
      }
    }
    // For the fault suite's figures (chaos/test-file.mjs).
    Object.assign(task.meta, { tried });
    expect(tried).toBe(rows.length * credentials.length);
    expect(credentials.length).toBeGreaterThan(30);
  });
});

const NOTHING: Credential = { form: 'none', headers: {}, outcome: () => 'unknown' };

function keysOf(body: unknown): string[] {
  return Object.keys(body as object);
}

function withoutId(body: unknown): unknown {
  return { ...(body as object), request_id: '' };
}
