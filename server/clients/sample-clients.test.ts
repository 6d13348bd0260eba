// Clients as simple as those that systems C, D and E came with: they look at each chunk alone and at little else.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

/** Four words, as the fake engine counts them. */
const ANSWER = 'Grüße 👋🏽 und\u2028日本';

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({ plan: { gap_ms: 5, rules: [{ match: 'Grüße', text: ANSWER, tokens: 4 }] } });
  await app.ready();
});
afterAll(() => app.close());

const post = (path: string, body: unknown, signal?: AbortSignal) =>
  fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });

/** Each chunk decoded by itself, as if no character could be split over two. */
async function* chunksOf(response: Response): AsyncGenerator<string> {
  for await (const chunk of response.body ?? []) yield new TextDecoder().decode(chunk as Uint8Array);
}

/** The `data:` lines of each chunk, as if no line could be split over two. */
async function* dataLinesOf(response: Response): AsyncGenerator<string> {
  for await (const chunk of chunksOf(response)) {
    for (const line of chunk.split('\n')) if (line.startsWith('data: ')) yield line.slice('data: '.length);
  }
}

describe('a simple client', () => {
  it('of system D appends content until [DONE]', async () => {
    const response = await post('/api/v1/chat', {
      messages: [{ role: 'user', content: 'Grüße' }],
      stream: true,
    });
    let answer = '';
    let isDone = false;
    for await (const data of dataLinesOf(response)) {
      if (data === '[DONE]') isDone = true;
      else answer += (JSON.parse(data) as { content: string }).content;
    }
    expect(isDone).toBe(true);
    expect(answer).toBe(ANSWER);
  });

  it('of system D takes the whole answer when it does not stream', async () => {
    const response = await post('/api/v1/chat', {
      messages: [{ role: 'user', content: 'Grüße' }],
      stream: false,
    });
    expect(((await response.json()) as { content: string }).content).toBe(ANSWER);
  });

  it('of system E prints what comes', async () => {
    let answer = '';
    for await (const chunk of chunksOf(await post('/stream', { prompt: 'Grüße' }))) answer += chunk;
    expect(answer).toBe(ANSWER);
  });

  it("of system E reads OpenAI's chunks", async () => {
    let answer = '';
    for await (const data of dataLinesOf(await post('/stream?stream_format=openai', { prompt: 'Grüße' }))) {
      if (data === '[DONE]') break;
      const [choice] = (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices;
      answer += choice?.delta.content ?? '';
    }
    expect(answer).toBe(ANSWER);
  });

  it('of system C opens its stream, submits, and reads its tokens', async () => {
    const leaving = new AbortController();
    const stream = await fetch(`${app.url}/api/v1/chat/stream/client_1`, { signal: leaving.signal });
    const submitted = await post('/api/v1/chat/submit', {
      prompt: 'Grüße',
      context: 'Ein Text.',
      client_id: 'client_1',
    });
    expect(await submitted.json()).toMatchObject({
      job_id: expect.any(String),
      position: expect.any(Number),
    });
    let answer = '';
    for await (const chunk of chunksOf(stream)) {
      for (const [, data = ''] of chunk.matchAll(/event: token\n.*\n(?:retry: .*\n)?data: (.*)\n\n/g)) {
        answer += (JSON.parse(data) as { text: string }).text;
      }
      if (chunk.includes('event: done')) break;
    }
    leaving.abort();
    expect(answer).toBe(ANSWER);
  });
});
