// The official clients ask for answers that rest on documents, by an extra field, and see the sources as one; the fields
// that they do not know break none of them.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { streamText } from 'ai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApp, startApp } from '../testing/start-app.js';

const FACT = 'the door is teal';
const WHOLE = `Answer the question from these documents. [1] ${FACT} Question: ${FACT}`;
const SOURCES = [expect.objectContaining({ text: FACT, score: expect.closeTo(1) })];
const messages = [{ role: 'user' as const, content: FACT }];

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({ plan: { tokens: 16 }, vault: true });
  await app.ready();
  const document = { name: 'd', content: FACT, filename: null, mediaType: 'text/plain', metadata: {} };
  await app.parts.retrieval.ingest([document], new AbortController().signal);
});
afterAll(() => app.close());

/** What each client gets beyond what it knows. */
type Grounded = { readonly sources?: unknown };

describe('openai', () => {
  const client = () => new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'none' });
  const asked = { model: 'fake', messages, documents: { top_k: 3, threshold: 0.5 } };

  it('has the sources beside a whole answer', async () => {
    const answer = await client().chat.completions.create(asked);
    expect(answer.choices[0]?.message.content).toBe(WHOLE);
    expect((answer as Grounded).sources).toEqual(SOURCES);
  });

  it('has them in the first chunk, and its helper goes on', async () => {
    const chunks: Grounded[] = [];
    const stream = client().chat.completions.stream({ ...asked, stream: true });
    stream.on('chunk', chunk => chunks.push(chunk as Grounded));
    expect(await stream.finalContent()).toBe(WHOLE);
    expect(chunks[0]?.sources).toEqual(SOURCES);
    expect(chunks.filter(({ sources }) => sources !== undefined)).toHaveLength(1);
  });

  it('has them in a response', async () => {
    const body = { model: 'fake', input: FACT, documents: true };
    const response = await client().responses.create(body);
    expect(response.output_text).toBe(WHOLE);
    expect((response as Grounded).sources).toEqual(SOURCES);
    const final = await client().responses.stream(body).finalResponse();
    expect([final.output_text, (final as Grounded).sources]).toEqual([WHOLE, SOURCES]);
  });
});

describe('ai', () => {
  it('sends the field through its provider options and reads the stream', async () => {
    const provider = createOpenAICompatible({ name: 'minivault', baseURL: `${app.url}/v1` });
    const { text, rawSources } = await readRaw(
      streamText({
        model: provider('fake'),
        prompt: FACT,
        providerOptions: { minivault: { documents: true } },
        includeRawChunks: true,
      }),
    );
    expect([text, rawSources]).toEqual([WHOLE, SOURCES]);
  });

  async function readRaw({ fullStream }: ReturnType<typeof streamText>) {
    let text = '';
    let rawSources: unknown;
    for await (const part of fullStream) {
      if (part.type === 'text-delta') text += part.text;
      if (part.type === 'raw') rawSources ??= (part.rawValue as Grounded).sources;
    }
    return { text, rawSources };
  }
});

describe('ollama', () => {
  const client = () => new Ollama({ host: app.url });
  const asked = { model: 'fake', messages, documents: true };

  it('has the sources beside a whole answer', async () => {
    const answer = await client().chat(asked);
    expect([answer.message.content, (answer as Grounded).sources]).toEqual([WHOLE, SOURCES]);
    const generated = await client().generate({ model: 'fake', prompt: FACT, ...{ documents: true } });
    expect([generated.response, (generated as Grounded).sources]).toEqual([WHOLE, SOURCES]);
  });

  it('has them in the first part of a stream', async () => {
    const parts = [];
    for await (const part of await client().chat({ ...asked, stream: true })) parts.push(part);
    expect((parts[0] as Grounded).sources).toEqual(SOURCES);
    expect(parts.map(({ message }) => message.content).join('')).toBe(WHOLE);
  });
});

describe('anthropic', () => {
  const client = () => new Anthropic({ baseURL: app.url, apiKey: 'none' });
  const asked = { model: 'fake', max_tokens: 50, messages, documents: true };

  it('has the sources in the message, whole and streamed', async () => {
    const whole = await client().messages.create(asked);
    expect([whole.content[0], (whole as Grounded).sources]).toMatchObject([{ text: WHOLE }, SOURCES]);
    const streamed = await client().messages.stream(asked).finalMessage();
    expect([streamed.content[0], (streamed as Grounded).sources]).toMatchObject([{ text: WHOLE }, SOURCES]);
  });
});
