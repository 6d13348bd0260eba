// The console of a whole gateway: a line a request for machines, and no secret at any level.
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { spawnGateway } from './testing/gateway-process.js';
import { readStream } from './testing/read-stream.js';
import { recordingLogger } from './testing/recording-logger.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('the line of a request', () => {
  let app: StartedApp;
  afterEach(() => app.close());

  async function start(env: Record<string, string>) {
    const { logger, entries } = recordingLogger();
    app = await startApp({ plan: { tokens: 2 }, env, logger });
    await app.ready();
    return (level?: string) =>
      entries.filter(entry => entry.message === 'request' && (level ?? entry.level) === entry.level);
  }

  it('is told to machines: method, path, route, status and how long it took; probes only to who looks for them', async () => {
    const lines = await start({ LOG_JSON: 'true' });
    await readStream(`${app.url}/generate`, { body: { prompt: 'hi' } });
    await readStream(`${app.url}/history/nothing?x=1`, { method: 'GET' });
    await readStream(`${app.url}/nowhere`, { method: 'GET' });
    for (const path of ['/livez', '/readyz', '/health', '/metrics']) await fetch(`${app.url}${path}`);
    await app.until(() => lines().length === 7);
    const ms = expect.any(Number);
    expect(lines('info').map(({ fields }) => fields)).toEqual([
      { method: 'POST', path: '/generate', route: '/generate', status: 200, ms },
      { method: 'GET', path: '/history/nothing', route: '/history/:id', status: expect.any(Number), ms },
      { method: 'GET', path: '/nowhere', status: 404, ms },
    ]);
  });

  it('is not for people', async () => {
    const lines = await start({});
    await readStream(`${app.url}/generate`, { body: { prompt: 'hi' } });
    await app.until(() => lines().length === 1);
    expect(lines('debug')).toHaveLength(1);
  });
});

describe('the console', () => {
  it('shows the settings to who looks for them, ids with what it says, and never a secret', async () => {
    const secrets = {
      API_KEY: 'canary-api-key-0123456789',
      OPENAI_API_KEY: 'canary-openai-0123456789',
      DATABASE_URL: 'postgres://ada:canary-password@127.0.0.1:1/vault',
      REDIS_URL: 'redis://:canary-redis@127.0.0.1:1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary-collector',
    };
    const gateway = await spawnGateway({
      plan: { tokens: 2, rules: [{ match: 'RAISES', at: 1, do: 'raise' }] },
      env: {
        ...secrets,
        LOG_LEVEL: 'debug',
        LOG_JSON: 'true',
        MINIVAULT_VAULT: 'on',
        RATE_LIMIT_ENABLED: 'true',
      },
    });
    onTestFinished(() => void gateway.child.kill('SIGKILL'));
    const url = await gateway.url();
    const headers = {
      authorization: `Bearer ${secrets.API_KEY}`,
      'x-request-id': 'request-7',
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
    };
    await readStream(`${url}/generate`, { body: { prompt: 'RAISES' }, headers });
    await readStream(`${url}/generate?api_key=${secrets.API_KEY}`, { body: { prompt: 'hi' }, headers });
    await readStream(`${url}/${secrets.API_KEY}`, { method: 'GET', headers });
    await readStream(`${url}/generate`, {
      body: {},
      headers: { 'x-api-key': 'mv_wrong-key-that-is-long-enough-0' },
    });
    gateway.child.kill('SIGTERM');
    expect((await gateway.exited).code).toBe(0);

    const lines = gateway.output().trim().split('\n');
    const entries = lines.map(line => JSON.parse(line) as Record<string, unknown>);
    expect(entries.find(({ message }) => message === 'settings')).toMatchObject({
      level: 'debug',
      API_KEY: '***',
      DATABASE_URL: '***',
      REDIS_URL: '***',
      OTEL_EXPORTER_OTLP_HEADERS: '***',
      LOG_LEVEL: 'debug',
    });
    const ids = { request_id: 'request-7', trace_id: TRACE };
    expect(entries.filter(({ message }) => message === 'request')).toContainEqual(
      expect.objectContaining({ ...ids, path: '/generate', status: 200 }),
    );
    expect(entries).toContainEqual(expect.objectContaining({ path: '/***', status: 404 }));
    expect(entries).toContainEqual(
      expect.objectContaining({ trace_id: TRACE, message: expect.stringContaining('"request_failed"') }),
    );
    expect(gateway.output()).not.toMatch(/canary-(?:api|openai|password|redis|collector)|mv_wrong/);
  }, 30_000);

  it('takes no request id that is not well formed', async () => {
    const gateway = await spawnGateway({ env: { LOG_JSON: 'true' } });
    onTestFinished(() => void gateway.child.kill('SIGKILL'));
    const url = await gateway.url();
    for (const id of ['a b', 'x'.repeat(65), 'a"b', 'é'.normalize('NFD')]) {
      const { headers } = await readStream(`${url}/livez`, {
        method: 'GET',
        headers: { 'x-request-id': encodeURI(id) },
      });
      expect(headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
    }
    const { headers } = await readStream(`${url}/livez`, {
      method: 'GET',
      headers: { 'x-request-id': 'A.b-c_9' },
    });
    expect(headers['x-request-id']).toBe('A.b-c_9');
    gateway.child.kill('SIGTERM');
    await gateway.exited;
  });
});
