// Answers that are to rest on documents while something is wrong: the database, the embedder, the worker, or the client.
import { sql } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { createDeferred } from '../generation/deferred.js';
import { dataOf } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

const FACT = 'the door is teal';

let app: StartedApp;
afterEach(async () => {
  const { admission, embedAdmission, worker } = app.parts;
  const lines = [admission, embedAdmission];
  await app.until(() => lines.every(line => line.isQuiet) && worker.status().running === 0);
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp({ vault: true, ...options, plan: { tokens: 4, ...options.plan } });
}

async function addFact(): Promise<void> {
  const { signal } = new AbortController();
  const document = { name: 'd', content: FACT, filename: null, mediaType: 'text/plain', metadata: {} };
  await app.parts.retrieval.ingest([document], signal);
}

const ASKED = { messages: [{ role: 'user', content: FACT }] };
const post = (path: string, body: object) => readStream(`${app.url}${path}`, { body: { ...ASKED, ...body } });
/** Fails when its signal is aborted. */
const postUntil = (signal: AbortSignal, body: object): Promise<string> =>
  fetch(`${app.url}/api/v1/chat`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...ASKED, ...body }),
    signal,
  }).then(response => response.text());
const jsonOf = async (answer: ReturnType<typeof post>) => JSON.parse((await answer).text);

describe('with the vault switched off', () => {
  it('a chat says nothing of documents, and one that requires them is 503 with the remedy', async () => {
    await start({ vault: false });
    expect(await jsonOf(post('/api/v1/chat', { stream: false }))).not.toHaveProperty('grounding');
    for (const path of ['/api/v1/chat', '/v1/chat/completions', '/api/chat']) {
      const { status, text } = await post(path, { stream: true, documents: true });
      expect(status).toBe(503);
      expect(text).toContain('MINIVAULT_VAULT=on');
    }
  });
});

describe('with a database that hangs', () => {
  it('a chat is answered when the deadline is over and says why it rests on nothing; others are 503', async () => {
    await start();
    await app.ready();
    await addFact();
    const { database } = app.parts.vault;
    const locked = createDeferred<void>();
    const released = createDeferred<void>();
    const holding = database
      .transaction(async db => {
        await sql`lock table chunk_vectors in access exclusive mode`.execute(db);
        locked.resolve();
        await released.promise;
      })
      .catch(() => {});
    await locked.promise;
    const startedAtMs = performance.now();
    const [answer, refused] = await Promise.all([
      jsonOf(post('/api/v1/chat', { stream: false })),
      post('/v1/chat/completions', { documents: true, stream: true }),
    ]);
    expect(performance.now() - startedAtMs).toBeLessThan(7_000);
    expect(answer).toMatchObject({
      content: FACT,
      sources: [],
      grounding: {
        notice: expect.stringMatching(/^The answer rests on no documents, as they could not be asked: /),
      },
    });
    expect((await app.readLog()).at(-1)).toMatchObject({ grounding: { notice: answer.grounding.notice } });
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: 'storage_unavailable' } });
    released.resolve();
    await holding;
  }, 20_000);
});

describe('with a worker', () => {
  it('that still loads, nothing is lost: the prompt waits, and is grounded when it is there', async () => {
    await start();
    await app.ready();
    await addFact();
    const { worker } = app.parts;
    process.kill(worker.status().pid ?? 0, 'SIGKILL');
    await app.until(() => worker.status().state !== 'ready');
    const { text } = await post('/api/v1/chat', {});
    expect(dataOf(text)[0]).toMatchObject({ sources: [{ text: FACT }] });
    expect(dataOf(text).at(-1)).toBe('[DONE]');
  });

  it('that dies while it embeds the question, the next one does it', async () => {
    await start({ plan: { rules: [{ match: 'POISON', do: 'exit:139', times: 1 }] } });
    await app.ready();
    await addFact();
    const messages = [{ role: 'user', content: 'POISON' }];
    const { text } = await post('/api/v1/chat', { messages, documents: { threshold: 0 } });
    expect(dataOf(text)[0]).toMatchObject({ content: '', grounding: { threshold: 0 } });
    expect(dataOf(text).at(-1)).toBe('[DONE]');
  });

  it('whose every slot is taken, the question is looked up meanwhile', async () => {
    await start({ plan: { slots: 1, rules: [{ match: 'LONG', tokens: 100_000, gap_ms: 2 }] } });
    await app.ready();
    await addFact();
    const leaving = new AbortController();
    const body = { messages: [{ role: 'user', content: 'LONG' }], max_tokens: 100_000, documents: false };
    const long = postUntil(leaving.signal, body).catch(() => null);
    await app.until(() => app.parts.admission.running === 1);
    const grounded = post('/api/v1/chat', {});
    await app.until(() => app.parts.admission.waiting === 1 && app.parts.embedAdmission.isQuiet);
    leaving.abort();
    await long;
    expect(dataOf((await grounded).text)[0]).toMatchObject({ sources: [{ text: FACT }] });
  });
});

describe('a client that leaves', () => {
  it.each([true, false])('while its question is embedded leaves no trace, stream %s', async stream => {
    await start({ plan: { embed_ms: 300 } });
    await app.ready();
    await addFact();
    const leaving = new AbortController();
    const answer = postUntil(leaving.signal, { stream });
    await app.until(() => app.parts.embedAdmission.running === 1);
    expect([app.parts.admission.running, app.parts.admission.waiting]).toEqual([0, 1]);
    leaving.abort();
    await expect(answer).rejects.toThrow('aborted');
    await app.until(() => app.parts.admission.isQuiet);
    expect(await app.readLog().catch(() => [])).toEqual([]);
  });
});
