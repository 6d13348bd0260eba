// Answers that rest on stored documents, over HTTP. The fake engine says its prompt again, so what it was given is seen;
// to the fake embedder a text is near itself and nothing else.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobTextOf, openJobStream, submitJob } from '../testing/job-stream.js';
import { dataOf } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const FACT = 'the door is teal';
const GROUNDED = `Answer the question from these documents.\n\n[1] ${FACT}\n\nQuestion: ${FACT}`;
const PLAN = { tokens: 16, context_length: 60, rules: [{ match: 'SLOW', prefill_ms: 50 }] };

let app: StartedApp;
let documentId: string;
beforeAll(async () => {
  app = await startApp({ plan: PLAN, vault: true });
  await app.ready();
  const [added] = await app.parts.retrieval.ingest(
    [
      {
        name: 'documents.0',
        content: FACT,
        filename: 'library.md',
        mediaType: 'text/markdown',
        metadata: { author: 'Ada' },
      },
    ],
    new AbortController().signal,
  );
  documentId = added?.id ?? '';
}, 60_000);
afterAll(() => app.close());

const post = (path: string, body: unknown) => readStream(`${app.url}${path}`, { body });
const json = async (path: string, body: unknown) => JSON.parse((await post(path, body)).text);
const say = (content: string) => ({ messages: [{ role: 'user', content }] });
const sourcesOf = () => [
  expect.objectContaining({
    document_id: documentId,
    position: 0,
    start_offset: 0,
    end_offset: FACT.length,
    text: FACT,
    filename: 'library.md',
    metadata: { author: 'Ada' },
  }),
];

describe('POST /api/v1/chat', () => {
  it('is grounded, tells its sources first, and is logged with them and all that the model was given', async () => {
    const { text } = await post('/api/v1/chat', say(FACT));
    const [first, ...records] = dataOf(text) as Record<string, unknown>[];
    expect(first).toEqual({
      content: '',
      sources: sourcesOf(),
      grounding: { query: FACT, threshold: 0.7, sources_omitted: 0, notice: null },
    });
    expect(records.map(({ content }) => content ?? '').join('')).toBe(GROUNDED.replaceAll(/\s+/g, ' '));
    const line = (await app.readLog()).at(-1);
    expect(line).toMatchObject({
      prompt: FACT,
      input: { messages: [{ role: 'user', content: GROUNDED }] },
      grounding: {
        threshold: 0.7,
        sources: [{ document_id: documentId, position: 0, start_offset: 0, end_offset: FACT.length }],
        omitted: 0,
        notice: null,
      },
    });
    expect(JSON.stringify(line?.grounding)).not.toContain(FACT);
  });

  it('says as one object what its stream says', async () => {
    const answer = await json('/api/v1/chat', { ...say(FACT), stream: false });
    expect(answer).toMatchObject({ content: GROUNDED.replaceAll(/\s+/g, ' '), sources: sourcesOf() });
  });

  it('is replayed with the same documents, whatever is stored by then', async () => {
    const { id } = await json('/api/v1/chat', { ...say(FACT), stream: false });
    await app.parts.vault.caughtUp();
    const replayed = await json(`/history/${id}/replay`, {});
    expect(replayed).toMatchObject({ equal: true });
    expect((await app.readLog()).at(-1)).toMatchObject({ prompt: GROUNDED, replay_of: id });
  });

  it('says that no document is near enough, and answers all the same', async () => {
    const answer = await json('/api/v1/chat', { ...say('what else'), stream: false });
    expect(answer).toMatchObject({
      sources: [],
      grounding: {
        notice: expect.stringMatching(/^No document above 0\.7: the nearest passage has -?0\.\d\d\.$/),
      },
    });
    expect(answer.content).toMatch(/^what else what else/);
    expect((await app.readLog()).at(-1)).toMatchObject({
      input: null,
      grounding: { sources: [], notice: answer.grounding.notice },
    });
  });

  it('rests on none when it is asked not to', async () => {
    const answer = await json('/api/v1/chat', { ...say(FACT), stream: false, documents: false });
    expect(answer).not.toHaveProperty('sources');
    expect(answer.content).toMatch(/^the door/);
    expect((await app.readLog()).at(-1)).toMatchObject({ input: null, grounding: null });
  });

  it('takes how many and how near from the request', async () => {
    const asked = { ...say('what else'), stream: false, documents: { threshold: 0, top_k: 1 } };
    const { sources, grounding } = await json('/api/v1/chat', asked);
    expect(grounding.threshold).toBe(0);
    expect(sources.length).toBeLessThanOrEqual(1);
  });

  it.each([
    [{ documents: 'yes' }, 'documents'],
    [{ documents: { top_k: 0 } }, 'documents'],
    [{ documents: { threshold: 1.5 } }, 'documents'],
    [{ documents: { topk: 1 } }, 'topk'],
  ])('refuses %j by name', async (fields, param) => {
    const { status, text } = await post('/api/v1/chat', { ...say(FACT), ...fields });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      code: 'invalid_request',
      param: expect.stringMatching(`^${param}`),
    });
  });

  it('leaves documents out before any word of the conversation, and says so', async () => {
    const talk = [
      { role: 'user', content: 'x '.repeat(20).trim() },
      { role: 'assistant', content: 'y '.repeat(10).trim() },
      { role: 'user', content: FACT },
    ];
    const answer = await json('/api/v1/chat', { messages: talk, stream: false });
    expect(answer).toMatchObject({
      sources: [],
      grounding: {
        sources_omitted: 1,
        notice: 'The passage that was found does not fit into the context beside the conversation.',
      },
      usage: { prompt_tokens: 34 },
    });
  });
});

describe('the other formats', () => {
  const whole = GROUNDED.replaceAll(/\s+/g, ' ');

  it.each<[path: string, body: object, textAt: string]>([
    ['/v1/chat/completions', say(FACT), 'choices.0.message.content'],
    ['/v1/responses', { input: FACT }, 'output.0.content.0.text'],
    ['/v1/messages', { ...say(FACT), max_tokens: 20 }, 'content.0.text'],
    ['/api/chat', { ...say(FACT), stream: false }, 'message.content'],
    ['/api/generate', { prompt: FACT, stream: false }, 'response'],
  ])('%s rests on documents when it is asked to, and only then', async (path, body, textAt) => {
    const without = await json(path, body);
    expect(without).not.toHaveProperty('sources');
    expect(without).toHaveProperty(textAt, expect.stringMatching(/^the door/));
    const answer = await json(path, { ...body, documents: true });
    expect(answer).toHaveProperty(textAt, whole);
    expect(answer).toMatchObject({ sources: sourcesOf(), grounding: { query: FACT, notice: null } });
  });

  it.each<[string, object]>([
    ['/v1/chat/completions', { ...say(FACT), stream: true }],
    ['/v1/chat/completions', { ...say(FACT), stream: true, n: 2 }],
    ['/v1/responses', { input: FACT, stream: true }],
    ['/v1/messages', { ...say(FACT), max_tokens: 20, stream: true }],
    ['/api/chat', say(FACT)],
    ['/api/generate', { prompt: FACT }],
  ])('the stream of %s tells the sources before its text (%j)', async (path, body) => {
    const { text } = await post(path, { ...body, documents: { top_k: 1 } });
    const at = text.indexOf('"sources":');
    expect(at).toBeGreaterThan(-1);
    expect(at).toBeLessThan(text.indexOf('Answer'));
    expect(text).toContain(documentId);
  });

  it('the two-step chat tells them in an event of their own, before it begins', async () => {
    const stream = await openJobStream(app.url, 'me');
    await submitJob(app.url, 'me', FACT, { documents: true });
    await stream.heard('done');
    const events = stream.events().filter(({ event }) => event !== 'queued');
    expect(events.slice(0, 2).map(({ event }) => event)).toEqual(['grounded', 'started']);
    expect(JSON.parse(events[0]?.data ?? '')).toMatchObject({ sources: sourcesOf() });
    expect(jobTextOf(stream.events())).toBe(whole);
    stream.leave();
  });

  it('refuses them where a text is gone on with', async () => {
    const { status, text } = await post('/v1/completions', { prompt: FACT, documents: true });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'unsupported_parameter', param: 'documents' } });
  });
});
