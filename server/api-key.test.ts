// Every door of the program, tried with every form of key.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from './app.js';
import { AppError } from './errors.js';
import { errorBodyOf } from './routes/error-dialect.js';
import { runCli, useCli } from './testing/cli-process.js';
import { recordingLogger } from './testing/recording-logger.js';
import { routesOf } from './testing/router-routes.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const KEY = 'canary-5d1f0c9ab7e84e21';
const OPEN = ['get /', 'get /livez', 'get /readyz', 'get /docs', 'get /docs/{name}'];
const FORMS: Readonly<Record<string, Record<string, string>>> = {
  none: {},
  'a wrong bearer': { Authorization: 'Bearer wrong' },
  'a wrong X-API-Key': { 'X-API-Key': 'wrong' },
  Bearer: { Authorization: `Bearer ${KEY}` },
  'X-API-Key': { 'X-API-Key': KEY },
  'x-api-key': { 'x-api-key': KEY },
};

useCli();

describe('a gateway with an API_KEY', () => {
  let app: StartedApp;
  const said: string[] = [];
  const console = recordingLogger();
  beforeAll(async () => {
    app = await startApp({ plan: { tokens: 2 }, env: { API_KEY: KEY }, logger: console.logger });
    await app.ready();
  });
  afterAll(() => app.close());

  /** The head of the answer; of a stream that stays open nothing more is read. */
  async function ask(route: string, headers: Record<string, string>) {
    const [method = '', path = ''] = route.split(' ');
    const leaving = new AbortController();
    const response = await fetch(app.url + path.replaceAll(/\{\w+\}/g, 'x'), {
      method: method.toUpperCase(),
      headers,
      signal: leaving.signal,
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    const text = isStream ? '' : await response.text();
    leaving.abort();
    said.push(text, JSON.stringify([...response.headers]));
    return { status: response.status, challenge: response.headers.get('www-authenticate'), text };
  }

  it('opens every route of the router to the key in each of its forms, and to nothing else', async () => {
    const routes = routesOf(createApp(app.parts));
    expect(routes.length).toBeGreaterThan(30);
    for (const route of [
      ...routes,
      'get /unknown',
      'patch /v1/models',
      'get /v1/nothing',
      'get /api/nothing',
    ]) {
      for (const [form, headers] of Object.entries(FORMS)) {
        const { status, challenge, text } = await ask(route, headers);
        const isKeyed = Object.values(headers).some(value => value.includes(KEY));
        const name = `${route} with ${form}`;
        if (isKeyed || OPEN.includes(route)) expect(status, name).not.toBe(401);
        else {
          expect(status, name).toBe(401);
          expect(challenge, name).toBe('Bearer realm="minivault"');
          const shape = errorBodyOf({ path: route.split(' ')[1] ?? '' });
          const wanted = Object.keys(shape(new AppError('invalid_api_key', ''), '') as object);
          expect(Object.keys(JSON.parse(text)), name).toEqual(wanted);
        }
      }
    }
  });

  it('lets the command line in with the key of its environment', async () => {
    const refused = runCli(['--url', app.url, 'Hello']);
    expect(await refused.ended).toBe(2);
    expect(refused.stderr()).toContain('invalid_api_key');
    expect(await runCli(['--url', app.url, 'Hello'], { env: { API_KEY: KEY } }).ended).toBe(0);
  });

  it('tells of it in /openapi.json, and of what is open', async () => {
    const { text } = await ask('get /openapi.json', FORMS.Bearer ?? {});
    const { components, security, paths } = JSON.parse(text);
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer', 'apiKey']);
    expect(security).toEqual([{ bearer: [] }, { apiKey: [] }]);
    expect(paths['/generate'].post.security).toEqual([{ bearer: ['generate'] }, { apiKey: ['generate'] }]);
    expect(paths['/generate'].post.responses[403].description).toContain('missing_scope');
    expect(paths['/generate'].post.responses[401].description).toContain('invalid_api_key');
    expect(OPEN.map(route => paths[route.split(' ')[1] ?? ''].get.security)).toEqual(OPEN.map(() => []));
  });

  it('never says it', async () => {
    expect(said.length).toBeGreaterThan(30);
    expect(said.join('\n')).not.toContain(KEY);
    expect(console.entries.length).toBeGreaterThan(30);
    expect(JSON.stringify(console.entries)).not.toContain(KEY);
    expect(JSON.stringify(await app.readLog())).not.toContain(KEY);
  });
});
