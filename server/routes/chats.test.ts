import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatSchema, chatsPageSchema } from '../dialects/chats.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

describe('chats', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ vault: true, plan: { tokens: 3 } });
    await app.ready();
  });
  afterAll(() => app.close());

  const send = async (input: string | object[], chatId: string | null, fields: object = {}) => {
    const answer = await fetch(`${app.url}/v1/responses`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ input, ...(chatId === null ? {} : { chat_id: chatId }), ...fields }),
    });
    const body = (await answer.json()) as { output: { content: { text: string }[] }[] };
    expect(answer.status, JSON.stringify(body)).toBe(200);
    return { id: answer.headers.get('x-exchange-id') ?? '', text: body.output[0]?.content[0]?.text };
  };
  const get = async (path: string) => {
    const answer = await fetch(app.url + path);
    return { status: answer.status, body: (await answer.json()) as unknown };
  };
  const page = async (query: string) => chatsPageSchema.parse((await get(`/chats${query}`)).body);

  it('are the exchanges that share a chat_id, the last one with all the model was given', async () => {
    const chatId = randomUUID();
    const first = await send('one two three', chatId);
    await send('something else', null);
    const said = { role: 'assistant', content: first.text };
    const second = await send(
      [{ role: 'user', content: 'one two three' }, said, { role: 'user', content: 'four' }],
      chatId,
    );
    const { status, body } = await get(`/chats/${chatId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: chatId, title: 'one two three', total: 2 });
    expect(chatSchema.parse(body).turns).toMatchObject([
      { id: first.id, chat_id: chatId, input: null },
      { id: second.id, chat_id: chatId, input: { messages: [{}, said, { content: 'four' }] } },
    ]);
    expect((await app.readLog()).map(line => line.chat_id)).toEqual([chatId, null, chatId]);
  });

  it('are listed by their last use, a page at a time', async () => {
    const [older, newer] = [randomUUID(), randomUUID()];
    await send('the older chat', older);
    await send('the newer chat', newer);
    await send('the older chat again', older);
    const { items, total } = await page('?limit=2');
    expect(items).toMatchObject([
      { id: older, title: 'the older chat', turns: 2 },
      { id: newer, title: 'the newer chat', turns: 1 },
    ]);
    expect(total).toBe(3);
    expect((await page('?limit=2&offset=2')).items).toHaveLength(1);
    expect(await page('?limit=2&offset=9')).toMatchObject({ items: [], total: 3 });
  });

  it('go whole, and nothing else with them', async () => {
    const chatId = randomUUID();
    const { id } = await send('to be forgotten', chatId);
    const { id: other } = await send('to be kept', null);
    expect((await fetch(`${app.url}/chats/${chatId}`, { method: 'DELETE' })).status).toBe(204);
    expect(await get(`/chats/${chatId}`)).toMatchObject({ status: 404, body: { code: 'chat_not_found' } });
    expect((await get(`/history/${id}`)).status).toBe(404);
    expect((await get(`/history/${other}`)).status).toBe(200);
  });

  it.each(['x', randomUUID(), '%00'])('are not found by %j', async id => {
    expect(await get(`/chats/${id}`)).toMatchObject({ status: 404, body: { code: 'chat_not_found' } });
  });

  it.each(['limit=0', 'limit=101', 'offset=-1', 'offset=10001', 'before=1'])(
    'are not listed by %s',
    async query => {
      expect((await get(`/chats?${query}`)).status).toBe(400);
    },
  );

  it('take a UUID only', async () => {
    const answer = await fetch(`${app.url}/v1/responses`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ input: 'x', chat_id: 'mine' }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: 'chat_id' } });
  });
});
