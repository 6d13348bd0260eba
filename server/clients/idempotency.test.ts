// The SDKs' own retries under an Idempotency-Key: each try joins the answer that the first one began.
import { randomUUID } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

/** Longer than a try may take, shorter than all tries together. */
const ANSWER_MS = 1_500;
const TRY_MS = 500;

let app: StartedApp;
const keys: (string | null)[] = [];
beforeAll(async () => {
  app = await startApp({
    plan: { tokens: 3, slots: 4, rules: [{ match: 'LATE', prefill_ms: ANSWER_MS, tokens: 3 }] },
  });
  await app.ready();
});
beforeEach(() => {
  keys.length = 0;
});
afterAll(() => app.close());

const watched: typeof fetch = (url, init) => {
  keys.push(new Headers(init?.headers).get('idempotency-key'));
  return fetch(url, init);
};
const options = { apiKey: 'any', maxRetries: 8, timeout: TRY_MS, fetch: watched };
const messages = [{ role: 'user' as const, content: 'LATE' }];
const headers = () => ({ 'Idempotency-Key': randomUUID() });

/** One exchange, however many tries it took. */
async function expectOne(id: string, before: number): Promise<void> {
  expect(keys.length).toBeGreaterThan(1);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).not.toBeNull();
  await app.until(() => app.parts.admission.isQuiet);
  const lines = (await app.readLog()).slice(before);
  expect(lines).toMatchObject([{ status: 'completed', prompt: 'LATE' }]);
  expect(id).toContain(String(lines[0]?.id));
}

describe('a client whose tries run out of time before the answer is there', () => {
  it('gets one answer by OpenAI’s SDK', async () => {
    const client = new OpenAI({ ...options, baseURL: `${app.url}/v1` });
    const before = (await app.readLog().catch(() => [])).length;
    const answer = await client.chat.completions.create({ model: 'fake', messages }, { headers: headers() });
    expect(answer.choices[0]?.message.content).toBe('LATE LATE LATE');
    await expectOne(answer.id, before);
  });

  it('gets one answer by Anthropic’s SDK', async () => {
    const client = new Anthropic({ ...options, baseURL: app.url });
    const before = (await app.readLog()).length;
    const answer = await client.messages.create(
      { model: 'fake', messages, max_tokens: 50 },
      { headers: headers() },
    );
    expect(answer.content).toMatchObject([{ type: 'text', text: 'LATE LATE LATE' }]);
    await expectOne(answer.id, before);
  });

  it('has no key of its own making in either', async () => {
    const openai = new OpenAI({ ...options, baseURL: `${app.url}/v1` });
    const anthropic = new Anthropic({ ...options, baseURL: app.url });
    const quick = [{ role: 'user' as const, content: 'x' }];
    await openai.chat.completions.create({ model: 'fake', messages: quick });
    await anthropic.messages.create({ model: 'fake', messages: quick, max_tokens: 5 });
    expect(new Set(keys)).toEqual(new Set([null]));
  });
});
