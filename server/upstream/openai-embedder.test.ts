import { describe, expect, it } from 'vitest';
import { neverAborted } from '../testing/sample-request.js';
import { type Script, scriptedGateway } from '../testing/scripted-gateway.js';
import { CANARY, refuses } from '../testing/scripted-upstream.js';
import { until } from '../testing/until.js';
import { createOpenAiEmbedder } from './openai-embedder.js';

const never = neverAborted();
interface Asked {
  readonly body: { readonly input: readonly unknown[] };
}

/** One vector for each text, that points where the text's length says. */
function vectors(make: (input: unknown, at: number) => number[] = () => [3, 4]): (asked: Asked) => Script {
  return ({ body: { input } }) =>
    response => {
      const data = input.map((each, index) => ({ object: 'embedding', index, embedding: make(each, index) }));
      // Not in their order, as the API allows.
      const body = { object: 'list', data: data.toReversed(), usage: { prompt_tokens: 10 * input.length } };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
}

async function embedderAt(answer: (asked: Asked, turn: number) => Script, timeoutMs = 5_000) {
  const server = await scriptedGateway((response, request) => {
    const asked = server.requests.at(-1) as Asked;
    return answer(asked, server.requests.length)(response, request);
  });
  const options = { baseUrl: `${server.url}/v1`, apiKey: CANARY, model: 'text-embedding-3-small', timeoutMs };
  return { embedder: createOpenAiEmbedder(options), server };
}

describe('texts at another server', () => {
  it('become vectors of unit length in their order, and tell how long they are', async () => {
    const { embedder, server } = await embedderAt(vectors((_, at) => (at === 0 ? [3, 4] : [0, 2])));
    expect(embedder.status().embedder).toBeNull();
    const [a, b] = await embedder.embed(['a', 'b'], { truncate: true }, never);
    expect([...(a?.vector ?? [])]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...(b?.vector ?? [])]).toEqual([0, 1]);
    expect([a?.tokens, b?.tokens]).toEqual([10, 10]);
    expect(embedder.status()).toMatchObject({
      state: 'ready',
      embedder: { id: 'text-embedding-3-small', dimensions: 2, tokenizer: 'cl100k_base' },
    });
    expect(server.requests).toMatchObject([
      {
        url: '/v1/embeddings',
        body: { model: 'text-embedding-3-small', input: ['a', 'b'], encoding_format: 'float' },
      },
    ]);
  });

  it.each([-3, 'many', 0.5, null])('are counted here where the server counts %j', async counted => {
    const { embedder } = await embedderAt(() => response => {
      const data = [{ object: 'embedding', index: 0, embedding: [1, 0] }];
      const body = { object: 'list', data, usage: { prompt_tokens: counted } };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    const [vector] = await embedder.embed(['four words of text'], { truncate: true }, never);
    expect(vector?.tokens).toBeGreaterThan(0);
    expect(Number.isInteger(vector?.tokens)).toBe(true);
  });

  it('go in batches, texts and ids apart', async () => {
    const { embedder, server } = await embedderAt(vectors());
    const texts = Array.from({ length: 300 }, (_, at) => `text ${at}`);
    const inputs = [...texts, [1, 2], [3], 'x'.repeat(400_000), 'last'];
    expect(await embedder.embed(inputs, { truncate: true }, never)).toHaveLength(304);
    const sizes = server.requests.map(asked => (asked as Asked).body.input.length);
    expect(sizes).toEqual([128, 128, 44, 2, 1, 1]);
    expect((server.requests[3] as Asked).body.input).toEqual([[1, 2], [3]]);
  });

  it('need not be any for the length of vectors to be known', async () => {
    const { embedder } = await embedderAt(vectors());
    expect(await embedder.embed([], { truncate: true }, never)).toEqual([]);
    expect(embedder.status().embedder?.dimensions).toBe(2);
  });

  it('are sent twice more when it fails, then no more', async () => {
    const { embedder, server } = await embedderAt((asked, turn) =>
      turn < 3 ? refuses(503, {}, { 'Retry-After': '0' }) : vectors()(asked),
    );
    expect(await embedder.embed(['a'], { truncate: true }, never)).toHaveLength(1);
    expect(server.requests).toHaveLength(3);
  }, 10_000);

  it.each<[string, Script, string]>([
    ['a refused key', refuses(401, { message: CANARY }), 'upstream_error'],
    ['a text that is too long', refuses(400, { code: 'context_length_exceeded' }), 'context_length_exceeded'],
    ['too few vectors', response => void response.end('{"data":[]}'), 'upstream_error'],
    ['a page', response => void response.end('<html>'), 'upstream_error'],
  ])('end with %s in an error without the key', async (_, script, code) => {
    const { embedder, server } = await embedderAt(() => script);
    const error = await embedder.embed(['a'], { truncate: true }, never).catch(thrown => thrown);
    expect(error).toMatchObject({ code });
    expect(error.message).not.toContain(CANARY);
    expect(server.requests).toHaveLength(1);
  });

  it('must all have vectors of one length', async () => {
    const { embedder } = await embedderAt(vectors(input => (input === 'odd' ? [1, 2, 3] : [3, 4])));
    await embedder.embed(['a'], { truncate: true }, never);
    await expect(embedder.embed(['odd'], { truncate: true }, never)).rejects.toMatchObject({
      code: 'upstream_error',
    });
  });

  it('are given up at once when their client leaves', async () => {
    let hungUp = false;
    const { embedder, server } = await embedderAt(() => response => {
      response.on('close', () => {
        hungUp = true;
      });
    });
    const leaving = new AbortController();
    const answer = embedder.embed(['a'], { truncate: true }, leaving.signal);
    await until(() => server.requests.length === 1);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => hungUp);
  });
});
