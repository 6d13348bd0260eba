import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayAnswerSchema } from '../dialects/replay.js';
import { openStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { exchangeId, numberedExchange, storeExchanges } from '../testing/stored-exchanges.js';

const TOOLS = [
  { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } },
];

let app: StartedApp;

beforeAll(async () => {
  app = await startApp({
    vault: true,
    plan: {
      tokens: 12,
      tool_format: 'hermes',
      rules: [{ match: 'SLOW', gap_ms: 50, tokens: 1_000 }],
    },
  });
  await app.ready();
});
afterAll(() => app.close());

const post = (path: string, body?: object) =>
  body === undefined ? request(app.url).post(path) : request(app.url).post(path).send(body);

async function ask(path: string, body: object): Promise<string> {
  await post(path, body).expect(200);
  const id = String((await app.readLog()).at(-1)?.id);
  await app.until(() => app.parts.vault.caughtUp());
  return id;
}

async function replayed(id: string) {
  const { body, headers } = await post(`/history/${id}/replay`).expect(200);
  const answer = replayAnswerSchema.parse(body);
  expect([headers['x-exchange-id'], answer.replay_of]).toEqual([answer.id, id]);
  return answer;
}

describe('POST /history/{id}/replay', () => {
  it.each<[string, string, object]>([
    ['a prompt with a seed', '/generate', { prompt: 'alpha beta gamma', seed: 11, temperature: 1 }],
    ['a prompt whose seed was drawn', '/generate', { prompt: 'alpha beta gamma', temperature: 1 }],
    ['log-probabilities', '/generate', { prompt: 'alpha beta', logprobs: 2 }],
    [
      'a conversation with tools',
      '/v1/chat/completions',
      {
        messages: [
          { role: 'system', content: 'x' },
          { role: 'user', content: 'alpha beta' },
        ],
        tools: TOOLS,
      },
    ],
    ['token ids', '/v1/completions', { prompt: [5, 6, 7] }],
    ['a bare text', '/v1/completions', { prompt: 'alpha beta' }],
    ['earlier tokens', '/api/generate', { prompt: 'alpha beta', context: [1, 2, 3], stream: false }],
  ])('asks the same again: %s', async (_what, path, body) => {
    const id = await ask(path, body);
    const answer = await replayed(id);
    expect(answer).toMatchObject({
      equal: true,
      compared: 'whole',
      note: null,
      other_conditions: [],
      changes: null,
    });
    const log = await app.readLog();
    const [first, second] = [log.find(line => line.id === id), log.find(line => line.id === answer.id)];
    const { input, parameters, prompt, response } = first ?? {};
    expect(second).toMatchObject({ input, parameters, prompt, response, dialect: 'replay', replay_of: id });
  });

  it('is in the history itself, and can be replayed', async () => {
    const id = await ask('/generate', { prompt: 'alpha beta' });
    const first = await replayed(id);
    const { body } = await request(app.url).get(`/history/${first.id}`).expect(200);
    expect(body).toMatchObject({ replay_of: id, dialect: 'replay' });
    expect(await replayed(first.id)).toMatchObject({ equal: true, replay_of: first.id });
  });

  it('tells where another answer begins to differ', async () => {
    const { model } = app.parts.worker.status();
    const kept = numberedExchange(3, {
      prompt: 'alpha beta',
      response: 'alpha delta',
      model: { id: 'fake', digest: model?.digest ?? '' },
      engine: 'streamer',
    });
    await storeExchanges(app.parts.vault.database, [kept]);
    const answer = await replayed(kept.id);
    expect(answer).toMatchObject({
      equal: false,
      first_difference: { offset: 6, original: 'delta', replay: expect.stringMatching(/^beta/) },
      note: expect.stringContaining('engine streamer then, fake now'),
    });
    expect(answer.changes).toContainEqual({ type: 'removed', text: 'delta' });
    expect(answer.response).toMatch(/^alpha beta/);
  });

  it('of an answer by another model is 409 with both digests, unless it is forced', async () => {
    const { database } = app.parts.vault;
    await storeExchanges(database, [numberedExchange(1, { model: { id: 'old', digest: 'sha256:0ld' } })]);
    const digest = app.parts.worker.status().model?.digest;
    const { body } = await post(`/history/${exchangeId(1)}/replay`).expect(409);
    expect(body).toMatchObject({ code: 'model_changed', param: 'force' });
    expect(body.error).toContain('sha256:0ld');
    expect(body.error).toContain(digest);
    const { body: forced } = await post(`/history/${exchangeId(1)}/replay?force=true`).expect(200);
    expect(forced).toMatchObject({
      equal: false,
      note: expect.stringContaining('sha256:0ld'),
      other_conditions: expect.arrayContaining([{ name: 'model', original: 'sha256:0ld', replay: digest }]),
    });
  });

  it('of an answer that was cut is compared with its beginning', async () => {
    const stream = await openStream(`${app.url}/generate`, {
      body: { prompt: 'SLOW one two three', max_tokens: 20 },
    });
    await stream.seen(text => text.split('\n').length > 4);
    stream.leave();
    await app.until(async () => (await app.readLog()).at(-1)?.status === 'cancelled');
    const id = String((await app.readLog()).at(-1)?.id);
    expect(await replayed(id)).toMatchObject({ equal: true, compared: 'beginning', other_conditions: [] });
  });

  it('ends when its client leaves, and is kept as far as it went', async () => {
    const { database } = app.parts.vault;
    const { model, engine } = app.parts.worker.status();
    const long = numberedExchange(2, {
      prompt: 'SLOW and long',
      model: { id: 'fake', digest: model?.digest ?? '' },
      engine: engine ?? '',
    });
    await storeExchanges(database, [long]);
    const leaving = new AbortController();
    const asked = fetch(`${app.url}/history/${long.id}/replay`, { method: 'POST', signal: leaving.signal });
    await app.until(() => app.parts.admission.running === 1);
    await new Promise(resolve => setTimeout(resolve, 300));
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await app.until(() => app.parts.admission.running === 0);
    await app.until(async () => (await app.readLog()).at(-1)?.replay_of === long.id);
    expect((await app.readLog()).at(-1)).toMatchObject({ status: 'cancelled' });
  });

  it('refuses what it does not know', async () => {
    const id = await ask('/generate', { prompt: 'alpha' });
    await post(`/history/${id}/replay`, {}).expect(200);
    expect((await post(`/history/${id}/replay`, { seed: 1 }).expect(400)).body.param).toBe('seed');
    expect((await post(`/history/${id}/replay?force=yes`).expect(400)).body.param).toBe('force');
    await post(`/history/${exchangeId(77)}/replay`).expect(404);
    await post('/history/x/replay').expect(404);
    await request(app.url).get(`/history/${id}/replay`).expect(405);
  });
});
