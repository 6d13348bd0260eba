// Two users and an admin at every route where things belong to somebody: each user sees its own, the admin everything, and
// another's is answered exactly as what is not there.
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askAs, bearer } from './testing/ask-as.js';
import { openJobStream } from './testing/job-stream.js';
import { type OpenStream, openStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

type Name = 'alice' | 'bob' | 'root';
const UNKNOWN_ID = '0192f0c1-0000-7000-8000-000000000000';

let app: StartedApp;
const secrets = new Map<string, string>();
const streams: OpenStream[] = [];
/** Of one exchange each, with whales in it. */
const exchanges = new Map<string, string>();

const ask = (name: string, route: string, body?: object) =>
  askAs(app.url, secrets.get(name) ?? '', route, body);
const as = (name: string) => bearer(secrets.get(name) ?? '');

/** The answer without what differs between any two: whose request it was, and the id that was asked for. */
async function shape(name: string, route: string, id: string, body?: object) {
  const { status, text } = await ask(name, route.replace('{id}', id), body);
  return { status, text: text.replaceAll(id, '{id}').replace(/"request_id":"[^"]+"/, '') };
}

async function generate(name: string, prompt: string): Promise<string> {
  const { status, headers } = await ask(name, 'POST /generate', { prompt });
  expect(status).toBe(200);
  return headers.get('x-exchange-id') ?? '';
}

beforeAll(async () => {
  const rules = [{ match: 'LONG', tokens: 50_000, gap_ms: 20 }];
  app = await startApp({ vault: true, plan: { tokens: 6, rules } });
  await app.ready();
  const author = { actor: null, address: null, requestId: null };
  for (const [name, role] of [
    ['root', 'admin'],
    ['alice', 'user'],
    ['bob', 'user'],
  ] as const) {
    const { secret } = await app.parts.admin.managedKeys.create({ name, role }, author);
    secrets.set(name, secret);
  }
  for (const name of ['alice', 'bob']) exchanges.set(name, await generate(name, `Whales of ${name}, one.`));
  await generate('bob', 'Whales of bob, two.');
  // Made while the gateway is idle.
  await app.until(async () => {
    const { body } = await ask('root', 'GET /search?query=whales&mode=semantic');
    return body.embedded?.done === 3;
  });
}, 90_000);
afterAll(() => app?.close());
afterEach(() => {
  for (const stream of streams.splice(0)) stream.leave();
});

describe('the history of a caller', () => {
  it('has its own exchanges, and their number; an admin’s has all, or those of one', async () => {
    const prompts = async (name: Name, query = '') => {
      const { status, body } = await ask(name, `GET /history${query}`);
      expect(status).toBe(200);
      expect(body.total).toBe(body.items.length);
      return body.items.map(({ prompt }: { prompt: string }) => prompt);
    };
    expect(await prompts('alice')).toEqual(['Whales of alice, one.']);
    expect(await prompts('alice', '?caller=alice')).toEqual(['Whales of alice, one.']);
    expect(await prompts('bob')).toEqual(['Whales of bob, two.', 'Whales of bob, one.']);
    expect((await prompts('root')).length).toBe(3);
    expect(await prompts('root', '?caller=alice')).toEqual(['Whales of alice, one.']);
    const { body: page } = await ask('bob', 'GET /history?limit=1');
    expect(page.total).toBe(2);
    const { body: next } = await ask('alice', `GET /history?limit=1&cursor=${page.next_cursor}`);
    expect(next.items.map(({ caller }: { caller: string }) => caller)).toEqual(['alice']);
  });

  it('is exported alone', async () => {
    const exported = async (name: Name, query = '') =>
      (await ask(name, `GET /history/export${query}`)).text.trim().split('\n').length;
    expect([await exported('alice'), await exported('bob'), await exported('root')]).toEqual([1, 2, 3]);
    expect(await exported('root', '?caller=bob')).toBe(2);
    const csv = await ask('alice', 'GET /history/export?format=csv');
    expect(csv.text).toContain('Whales of alice');
    expect(csv.text).not.toContain('bob');
  });

  it.each(['text', 'semantic', 'hybrid'])('is searched alone, by %s, and so is its size', async mode => {
    const found = async (name: Name, query = '') => {
      const { status, body } = await ask(name, `GET /search?query=whales&mode=${mode}${query}`);
      expect(status).toBe(200);
      expect(body.total).toBe(body.items.length);
      if (mode !== 'text') expect(body.embedded.total).toBe(body.embedded.done);
      return body.items.map(({ caller }: { caller: string }) => caller).toSorted();
    };
    expect(await found('alice')).toEqual(['alice']);
    expect(await found('bob')).toEqual(['bob', 'bob']);
    expect(await found('root')).toEqual(['alice', 'bob', 'bob']);
    expect(await found('root', '&caller=alice')).toEqual(['alice']);
    const { body } = await ask('alice', `GET /search?query=whales&mode=${mode}`);
    expect(body.embedded).toEqual(mode === 'text' ? null : { done: 1, total: 1 });
  });

  it('cannot be asked for by another caller’s name', async () => {
    for (const route of ['/history', '/history/export', '/search?query=whales'] as const) {
      const { status, body } = await ask('alice', `GET ${route}${route.includes('?') ? '&' : '?'}caller=bob`);
      expect([route, status, body.code, body.param]).toEqual([route, 403, 'missing_scope', 'caller']);
    }
  });

  it.each(['GET /history/{id}', 'POST /history/{id}/replay', 'DELETE /history/{id}'])(
    'answers %s with another’s id as with none that there is',
    async route => {
      const bobs = exchanges.get('bob') ?? '';
      expect(await shape('alice', route, bobs)).toEqual(await shape('alice', route, UNKNOWN_ID));
      expect(await ask('alice', `GET /history/${bobs}`)).toMatchObject({
        status: 404,
        body: { code: 'exchange_not_found' },
      });
      expect((await ask('bob', `GET /history/${bobs}`)).status).toBe(200);
    },
  );

  it('is an admin’s to read, to replay and to erase', async () => {
    const id = await generate('bob', 'To be gone.');
    expect((await ask('root', `GET /history/${id}`)).status).toBe(200);
    const replay = await ask('root', `POST /history/${id}/replay`);
    expect([replay.status, replay.body.equal]).toEqual([200, true]);
    const replayed = await ask('root', `GET /history/${replay.headers.get('x-exchange-id')}`);
    expect(replayed.body.caller).toBe('root');
    expect((await ask('root', `DELETE /history/${id}`)).status).toBe(204);
    expect((await ask('bob', `GET /history/${id}`)).status).toBe(404);
  });

  it('has its own chats', async () => {
    const chatId = randomUUID();
    const { status } = await ask('bob', 'POST /v1/responses', { input: 'Hello', chat_id: chatId });
    expect(status).toBe(200);
    const listed = async (name: Name) => {
      const { body } = await ask(name, 'GET /chats');
      return [body.total, body.items.map(({ id }: { id: string }) => id)];
    };
    expect(await listed('alice')).toEqual([0, []]);
    expect([await listed('bob'), await listed('root')]).toEqual([
      [1, [chatId]],
      [1, [chatId]],
    ]);
    for (const route of ['GET /chats/{id}', 'DELETE /chats/{id}']) {
      expect(await shape('alice', route, chatId)).toEqual(await shape('alice', route, UNKNOWN_ID));
    }
    expect((await ask('root', `GET /chats/${chatId}`)).status).toBe(200);
    expect((await ask('bob', `DELETE /chats/${chatId}`)).status).toBe(204);
  });
});

describe('the kept responses of a caller', () => {
  it('are its own at every route, and an admin’s to read', async () => {
    const { body: kept } = await ask('bob', 'POST /v1/responses', { input: 'Hello', background: true });
    const { id } = kept;
    const none = id.replace(/.{8}$/, '00000000');
    const routes: [string, object?][] = [
      ['GET /v1/responses/{id}'],
      ['GET /v1/responses/{id}?stream=true'],
      ['GET /v1/responses/{id}/input_items'],
      ['POST /v1/responses/{id}/cancel'],
      ['DELETE /v1/responses/{id}'],
      ['POST /v1/responses', { input: 'and then?', previous_response_id: '{id}' }],
    ];
    for (const [route, body] of routes) {
      const withId = (value: string) => body && JSON.parse(JSON.stringify(body).replace('{id}', value));
      const others = await shape('alice', route, id, withId(id));
      expect(others, route).toEqual(await shape('alice', route, none, withId(none)));
      expect(others.status, route).toBe(404);
    }
    await app.until(async () => (await ask('bob', `GET /v1/responses/${id}`)).body.status === 'completed');
    expect((await ask('root', `GET /v1/responses/${id}`)).status).toBe(200);
    const next = await ask('bob', 'POST /v1/responses', { input: 'and then?', previous_response_id: id });
    expect(next.status).toBe(200);
    expect((await ask('root', `DELETE /v1/responses/${id}`)).status).toBe(200);
    expect((await ask('bob', `GET /v1/responses/${id}`)).status).toBe(404);
  });
});

describe('the streams of a caller', () => {
  const open = async (name: Name, clientId: string) => {
    const stream = await openJobStream(app.url, clientId, { headers: as(name) });
    streams.push(stream);
    return stream;
  };
  const submit = (name: Name, clientId: string) =>
    ask(name, 'POST /api/v1/chat/submit', { prompt: 'Hello', client_id: clientId });

  it('are told nobody else, and taken by nobody else', async () => {
    const stream = await open('bob', 'desk');
    expect(stream.status).toBe(200);
    const { body: job } = await submit('bob', 'desk');
    await stream.heard('done');
    const taken = await open('alice', 'desk');
    expect(taken.status).toBe(409);
    await taken.ended;
    expect(JSON.parse(taken.text())).toMatchObject({ code: 'client_id_taken', param: 'client_id' });
    const others = await submit('alice', 'desk');
    expect([others.status, others.body.code]).toEqual([404, 'client_not_connected']);
    for (const [name, clientId] of [
      ['alice', 'desk'],
      ['alice', 'nobodys'],
    ] as const) {
      const read = await ask(name, `GET /api/v1/chat/stream/${clientId}?from=${job.job_id}:0`);
      expect([read.status, read.body.code]).toEqual([404, 'job_not_found']);
      const left = await ask(name, `DELETE /api/v1/chat/stream/${clientId}`);
      expect([left.status, left.body.code]).toEqual([404, 'client_not_connected']);
    }
    expect((await ask('bob', `GET /api/v1/chat/stream/desk?from=${job.job_id}:0`)).text).toContain(
      'event: done',
    );
  });

  it('are an admin’s to end', async () => {
    const stream = await open('bob', 'desk-2');
    expect((await ask('root', 'DELETE /api/v1/chat/stream/desk-2')).status).toBe(204);
    await stream.ended;
    expect((await submit('bob', 'desk-2')).status).toBe(404);
  });

  it('are eight at most, and do not take another’s', async () => {
    for (let index = 0; index < 8; index++) expect((await open('bob', `many-${index}`)).status).toBe(200);
    const ninth = await open('bob', 'many-8');
    expect([ninth.status, ninth.headers['retry-after']]).toEqual([429, '5']);
    await ninth.ended;
    expect(JSON.parse(ninth.text())).toMatchObject({ code: 'too_many_streams' });
    expect((await open('bob', 'many-3')).status).toBe(200);
    expect((await open('alice', 'many-of-alice')).status).toBe(200);
  });
});

describe('what runs and waits', () => {
  it('is its caller’s to see and to leave, and an admin’s', async () => {
    const running = await openStream(`${app.url}/generate`, {
      headers: as('bob'),
      body: { prompt: 'LONG', max_tokens: 50_000 },
    });
    streams.push(running);
    const id = String(running.headers['x-exchange-id']);
    await running.seen(text => text.includes('"response":"'));
    const left = await shape('alice', 'DELETE /v1/queue/{id}', id);
    expect(left).toEqual(await shape('alice', 'DELETE /v1/queue/{id}', UNKNOWN_ID));
    const seen = async (name: Name) => (await ask(name, 'GET /v1/queue')).text;
    expect([await seen('bob'), await seen('root')]).toEqual([
      expect.stringContaining(id),
      expect.stringContaining(id),
    ]);
    const alices = await seen('alice');
    expect(JSON.parse(alices)).toMatchObject({ running: 1 });
    for (const others of [id, 'bob']) expect(alices).not.toContain(others);
    expect((await ask('root', `DELETE /v1/queue/${id}`)).status).toBe(200);
    await running.ended;
  });
});

describe('an idempotency key', () => {
  it('of one caller means nothing to another', async () => {
    const send = async (name: Name) => {
      const answer = await fetch(`${app.url}/generate`, {
        method: 'POST',
        headers: { ...as(name), 'Content-Type': 'application/json', 'Idempotency-Key': 'the-same' },
        body: JSON.stringify({ prompt: 'Once.' }),
      });
      await answer.text();
      return answer.headers.get('x-exchange-id');
    };
    const [bobs, alices] = [await send('bob'), await send('alice')];
    expect(alices).not.toBe(bobs);
    expect([await send('bob'), await send('alice')]).toEqual([bobs, alices]);
  });
});

describe('health', () => {
  it('tells a user whether it works, and nothing of places, processes and others', async () => {
    const { body: all } = await ask('root', 'GET /health');
    expect(all.worker.pid).toBeGreaterThan(0);
    expect(all).toMatchObject({ audit: { degraded: false }, vault: { indexed: expect.any(Number) } });
    for (const route of ['GET /health', 'GET /api/v1/health']) {
      const { body, text } = await ask('alice', route);
      expect(Object.keys(body.worker)).toEqual(['state', 'loading', 'model', 'engine', 'embedder', 'slots']);
      expect(body).toMatchObject({
        status: 'ok',
        log: { degraded: false },
        vault: { state: 'ready', vectors: true },
      });
      expect([Object.keys(body.log), Object.keys(body.vault)]).toEqual([['degraded'], ['state', 'vectors']]);
      expect(text).not.toContain(app.dir);
      expect(text).not.toContain(String(all.worker.pid));
    }
  });
});
