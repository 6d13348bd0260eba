import { afterEach, describe, expect, it } from 'vitest';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(async () => {
  const { embedAdmission } = app.parts;
  await app.until(() => embedAdmission.running + embedAdmission.waiting === 0);
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

async function embed(input: unknown) {
  const { status, headers, text } = await readStream(`${app.url}/v1/embeddings`, { body: { input } });
  return { status, headers, body: JSON.parse(text) };
}

/** A call whose client can leave. */
function leaving(input: unknown): AbortController {
  const client = new AbortController();
  const options = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ input }),
    signal: client.signal,
  };
  fetch(`${app.url}/v1/embeddings`, options).catch(() => {});
  return client;
}

const MANY = Array<string>(2_000).fill('word');

describe('embeddings', () => {
  it('wait while the model loads', async () => {
    app = await startApp({ plan: { load_ms: 300 } });
    expect(app.parts.worker.status().state).toBe('starting');
    expect((await embed('x')).status).toBe(200);
  });

  it('are asked of the next worker when one dies', async () => {
    await start({ plan: { rules: [{ match: 'POISON', do: 'exit:139', times: 1 }] } });
    const { status, body } = await embed([...MANY.slice(0, 70), 'POISON']);
    expect([status, body.data.length]).toEqual([200, 71]);
    expect(app.parts.worker.status().restarts).toBe(1);
  });

  it('fail when that one dies, too, and leave the others unharmed', async () => {
    await start({ plan: { rules: [{ match: 'POISON', do: 'exit:139', times: 2 }] } });
    const { status, body } = await embed(['fine', 'POISON']);
    expect([status, body.error.code]).toEqual([500, 'worker_crashed']);
    expect((await embed('fine')).status).toBe(200);
  });

  it('fail alone when the embedder fails on them', async () => {
    await start({ plan: { embed_ms: 2, rules: [{ match: 'BREAKS', do: 'raise' }] } });
    const others = Array.from({ length: 3 }, () => embed(['fine', 'too']));
    const { status, body } = await embed('BREAKS');
    expect([status, body.error.code]).toEqual([500, 'worker_error']);
    expect((await Promise.all(others)).map(answer => answer.status)).toEqual([200, 200, 200]);
    expect(app.parts.worker.status().restarts).toBe(0);
  });

  it('end in the worker, too, when their clients leave', async () => {
    await start({ plan: { embed_ms: 50 } });
    const { embedAdmission } = app.parts;
    const clients = Array.from({ length: 5 }, () => leaving(MANY));
    await app.until(() => embedAdmission.running === 4 && embedAdmission.waiting === 1);
    const next = embed('next');
    await app.until(() => embedAdmission.waiting === 2);
    for (const client of clients) client.abort();
    // All that they asked for would take 8 minutes.
    expect((await next).status).toBe(200);
  });

  it('are refused when too many wait, while prompts are still answered', async () => {
    await start({ plan: { embed_ms: 50, tokens: 2 }, env: { MINIVAULT_QUEUE_MAX_WAITING: '1' } });
    const { embedAdmission } = app.parts;
    const clients = Array.from({ length: 5 }, () => leaving(MANY));
    await app.until(() => embedAdmission.running === 4 && embedAdmission.waiting === 1);
    const { status, headers, body } = await embed('x');
    expect([status, body.error.code]).toEqual([503, 'queue_full']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const prompt = await readStream(`${app.url}/generate`, { body: { prompt: 'alpha beta' } });
    expect(prompt.text).toContain('"done":true');
    for (const client of clients) client.abort();
  });

  it('end with the gateway that stops', async () => {
    await start({ plan: { embed_ms: 50 } });
    const running = embed(MANY);
    await app.until(() => app.parts.embedAdmission.running === 1);
    await app.parts.drain(0);
    const { status, body } = await running;
    expect([status, body.error.code]).toEqual([503, 'shutting_down']);
  });

  it('may send the model out of memory, and bring it back', async () => {
    await start();
    const body = { input: 'x', keep_alive: 0 };
    expect((await readStream(`${app.url}/api/embed`, { body })).status).toBe(200);
    await app.until(() => app.parts.worker.status().state === 'unloaded');
    expect((await embed('x')).status).toBe(200);
    expect(app.parts.worker.status().state).toBe('ready');
  });

  it('keep the model in memory while they run', async () => {
    await start({ plan: { embed_ms: 20 } });
    const long = embed(MANY.slice(0, 100));
    await app.until(() => app.parts.embedAdmission.running === 1);
    await app.parts.residency.unload();
    expect(app.parts.worker.status().state).toBe('ready');
    expect((await long).status).toBe(200);
    await app.until(() => app.parts.worker.status().state === 'unloaded');
  });
});
