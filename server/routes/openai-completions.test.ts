import { afterEach, describe, expect, it } from 'vitest';
import { completionAnswerSchema, completionChunkSchema } from '../dialects/openai-completions.js';
import { modelListSchema } from '../dialects/openai-models.js';
import { dataOf } from '../testing/read-events.js';
import { readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(() => app.close());

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

const post = (body: object) => readStream(`${app.url}/v1/completions`, { body });
const ask = async (body: object) => {
  const { status, text } = await post(body);
  return { status, body: JSON.parse(text) };
};
const textsOf = (body: { choices: { text: string }[] }) => body.choices.map(({ text }) => text);

describe('POST /v1/completions', () => {
  it('goes on from each prompt, n times, in order, and counts each prompt once', async () => {
    await start({ plan: { tokens: 2, slots: 4 } });
    const { body } = await ask({ prompt: ['alpha beta', 'gamma'], n: 2 });
    const answer = completionAnswerSchema.parse(body);
    expect(textsOf(answer)).toEqual(['alpha beta', 'alpha beta', 'gamma gamma', 'gamma gamma']);
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(answer.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 });
    const log = await app.readLog();
    expect(log.map(({ dialect, prompt }) => [dialect, prompt]).toSorted()).toEqual([
      ['openai-completions', 'alpha beta'],
      ['openai-completions', 'alpha beta'],
      ['openai-completions', 'gamma'],
      ['openai-completions', 'gamma'],
    ]);
  });

  it('streams what it answers whole', async () => {
    await start({ plan: { tokens: 3 } });
    const { body } = await ask({ prompt: 'alpha beta', echo: true });
    const { text, headers } = await post({ prompt: 'alpha beta', echo: true, stream: true });
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const chunks = dataOf(text)
      .slice(0, -1)
      .map(record => completionChunkSchema.parse(record));
    expect(chunks.flatMap(textsOf).join('')).toBe(body.choices[0].text);
    expect(body.choices[0].text).toBe('alpha betaalpha beta alpha');
  });

  it('reads token ids, and echoes them as text', async () => {
    await start({ plan: { tokens: 1 } });
    const { body } = await ask({ prompt: [[5, 6]], echo: true });
    const [text] = textsOf(body);
    const [plain] = textsOf((await ask({ prompt: [5, 6] })).body);
    const prompt = await app.parts.worker.detokenize([5, 6], new AbortController().signal);
    expect(text).toBe(`${prompt}${plain}`);
  });

  it('answers 404 to a model it does not serve, 400 to what it cannot do', async () => {
    await start();
    expect(await ask({ prompt: 'x', model: 'davinci-002' })).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', param: 'model' } },
    });
    expect(await ask({ prompt: 'x', suffix: 'y' })).toMatchObject({
      status: 400,
      body: { error: { code: 'unsupported_parameter', param: 'suffix' } },
    });
  });
});

describe('GET /v1/models', () => {
  const get = async (path: string) => {
    const { status, text } = await readStream(`${app.url}/v1/models${path}`, { method: 'GET' });
    return { status, body: JSON.parse(text) };
  };

  it('lists what is served, the embedder too', async () => {
    await start();
    const { body } = await get('');
    const { embedder } = app.parts.worker.status();
    expect(modelListSchema.parse(body).data.map(({ id }) => id)).toEqual(['fake', embedder?.id]);
    for (const model of body.data) expect(await get(`/${model.id}`)).toEqual({ status: 200, body: model });
  });

  it.each(['/fake', '/fake:latest', '/Org/Name:7b', '/Org%2FName%3A7b'])('finds %s', async path => {
    await start({ env: { MINIVAULT_MODEL_ALIASES: 'Org/Name:7b' } });
    expect(await get(path)).toMatchObject({ status: 200, body: { id: 'fake' } });
  });

  it('answers 404 to the name of another, in OpenAI’s shape', async () => {
    await start();
    expect(await get('/gpt-4o')).toMatchObject({
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'model_not_found', param: 'model' } },
    });
  });
});
