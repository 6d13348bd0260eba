import { afterEach, describe, expect, it } from 'vitest';
import { adminHealthSchema } from '../dialects/health.js';
import { openStream, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(() => app.close());

async function get(path: string) {
  const { status, text, headers } = await readStream(`${app.url}${path}`, { method: 'GET' });
  return { status, body: JSON.parse(text), headers };
}

describe('health', () => {
  it('tells live from ready while the model loads, and how far it is', async () => {
    app = await startApp({ plan: { load_ms: 1_000 } });
    expect(await get('/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const readiness = await get('/readyz');
    expect(readiness).toMatchObject({ status: 503, body: { code: 'model_loading' } });
    expect(readiness.headers['retry-after']).toBeDefined();
    await app.until(async () => (await get('/health')).body.worker.loading?.done > 0);
    expect((await get('/health')).body).toMatchObject({ status: 'loading', worker: { state: 'starting' } });
    await app.ready();
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/health')).body).toMatchObject({
      status: 'ok',
      worker: { state: 'ready', engine: 'fake', slots: 1, restarts: 0, last_exit: null },
      queue: { waiting: 0, running: 0, max_waiting: 512 },
      log: { degraded: false, spooled: 0, dropped: 0 },
      audit: { degraded: false, spooled: 0, dropped: 0 },
      vault: { state: 'off', kind: null, vectors: false, behind_bytes: null },
      documents: { threshold: 0.7, top_k: 5 },
    });
  });

  it('tells how far the database is behind the log', async () => {
    app = await startApp({ vault: true });
    await app.ready();
    await readStream(`${app.url}/generate`, { body: { prompt: 'x' } });
    await app.until(() => app.parts.vault.caughtUp());
    const { vault } = (await get('/health')).body;
    expect(vault).toMatchObject({ state: 'ready', fault: null, indexed: 1, damaged: 0, behind_bytes: 0 });
    expect(Date.parse(vault.last_indexed_at)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('counts who runs and who waits', async () => {
    app = await startApp({ plan: { tokens: 1_000, gap_ms: 10 } });
    await app.ready();
    const streams = await Promise.all(
      ['a', 'b', 'c'].map(prompt => openStream(`${app.url}/generate`, { body: { prompt } })),
    );
    expect((await get('/health')).body.queue).toMatchObject({ running: 1, waiting: 2 });
    for (const stream of streams) stream.leave();
    await app.until(async () => (await get('/health')).body.queue.running === 0);
  });

  it('names what ended the worker, with its last words', async () => {
    app = await startApp({ plan: { rules: [{ match: 'DIE', at: 1, do: 'exit:3', times: 1 }] } });
    await readStream(`${app.url}/generate`, { body: { prompt: 'DIE' } });
    await app.until(() => app.parts.worker.status().state === 'ready');
    const { body } = await get('/health');
    expect(body.worker).toMatchObject({ restarts: 1, last_exit: { code: 3, signal: null } });
    expect(adminHealthSchema.parse(body), 'nothing that is not documented').toEqual(body);
  });

  it('stays up and answers 503 with the remedy when there is no Python', async () => {
    app = await startApp({ env: { MINIVAULT_PYTHON: '/nowhere/python' } });
    await app.until(() => app.parts.worker.status().state === 'failed');
    expect((await get('/livez')).status).toBe(200);
    const readiness = await get('/readyz');
    expect(readiness).toMatchObject({ status: 503, body: { code: 'model_unavailable' } });
    expect(readiness.body.error).toContain('/nowhere/python');
    expect((await get('/health')).body).toMatchObject({ status: 'failed' });
    const refused = await readStream(`${app.url}/generate`, { body: { prompt: 'x' } });
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'model_unavailable' });
  });

  it('answers HEAD without a body and says which methods a path takes', async () => {
    app = await startApp();
    expect(await readStream(`${app.url}/health`, { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
    });
    const { headers, status } = await get('/generate');
    expect([status, headers.allow]).toEqual([405, 'POST, OPTIONS']);
  });

  it('answers 400 to a path with a broken percent escape, 404 to one that leads nowhere', async () => {
    app = await startApp();
    expect(await get('/%E0%A4%A')).toMatchObject({ status: 400, body: { param: 'path' } });
    expect(await get('/nowhere%20else')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
