// A gateway with an API_KEY, as its command line and its reference meet it; route-access.test.ts has its routes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, useCli } from './testing/cli-process.js';
import { recordingLogger } from './testing/recording-logger.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const KEY = 'canary-5d1f0c9ab7e84e21';
const OPEN = ['get /', 'get /livez', 'get /readyz', 'get /docs', 'get /docs/{name}'];
useCli();

describe('a gateway with an API_KEY', () => {
  let app: StartedApp;
  const console = recordingLogger();
  beforeAll(async () => {
    app = await startApp({ plan: { tokens: 2 }, env: { API_KEY: KEY }, logger: console.logger });
    await app.ready();
  });
  afterAll(() => app.close());

  it('lets the command line in with the key of its environment', async () => {
    const refused = runCli(['--url', app.url, 'Hello']);
    expect(await refused.ended).toBe(2);
    expect(refused.stderr()).toContain('invalid_api_key');
    expect(await runCli(['--url', app.url, 'Hello'], { env: { API_KEY: KEY } }).ended).toBe(0);
  });

  it('tells of it in /openapi.json, and of what is open', async () => {
    const response = await fetch(`${app.url}/openapi.json`, { headers: { 'X-API-Key': KEY } });
    const { components, security, paths } = JSON.parse(await response.text());
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer', 'apiKey']);
    expect(security).toEqual([{ bearer: [] }, { apiKey: [] }]);
    expect(paths['/generate'].post.security).toEqual([{ bearer: ['generate'] }, { apiKey: ['generate'] }]);
    expect(paths['/generate'].post.responses[403].description).toContain('missing_scope');
    expect(paths['/generate'].post.responses[401].description).toContain('invalid_api_key');
    expect(OPEN.map(route => paths[route.split(' ')[1] ?? ''].get.security)).toEqual(OPEN.map(() => []));
  });
});
