import { describe, expect, it } from 'vitest';
import type { Embedding } from '../domain/embedding.js';
import { parseWith } from '../http/body.js';
import { embedAnswer, embedBodySchema, legacyEmbedAnswer, legacyEmbedBodySchema } from './ollama-embed.js';
import { embeddingsAnswer, embeddingsBodySchema, toInputs } from './openai-embeddings.js';

const EMBEDDINGS: readonly Embedding[] = [
  { vector: Float32Array.of(0.6, -0.8), tokens: 3, isTruncated: false },
  { vector: Float32Array.of(1, 0), tokens: 256, isTruncated: true },
];

/**
 * What becomes of each field of a body: a value that is taken and one that is refused. That the taken ones act is shown
 * in routes/embeddings.test.ts; `user` and Ollama's options have nothing to act on.
 */
const FIELDS: Readonly<Record<string, readonly [taken: unknown, refused: unknown]>> = {
  input: ['text', 7],
  model: ['all-minilm', 7],
  encoding_format: ['base64', 'int8'],
  dimensions: [384, 1.5],
  user: ['ada', 7],
  truncate: [false, 'no'],
  prompt: ['text', 7],
  keep_alive: ['5m', 'soon'],
  options: [{ num_ctx: 512, temperature: 1 }, { num_ctx: 0 }],
};

describe.each([
  ['/v1/embeddings', embeddingsBodySchema, { input: 'text' }],
  ['/api/embed', embedBodySchema, {}],
  ['/api/embeddings', legacyEmbedBodySchema, {}],
])('the body of %s', (_path, schema, least) => {
  it('takes each of its fields, or refuses it by name', () => {
    for (const name of Object.keys(schema.shape)) {
      const [taken, refused] = FIELDS[name] ?? [];
      expect(parseWith(schema, { ...least, [name]: taken })).toHaveProperty(name);
      expect(() => parseWith(schema, { ...least, [name]: refused })).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: expect.stringMatching(`^${name}`) }),
      );
    }
  });

  it('lets fields of other programs pass', () => {
    expect(parseWith(schema, { ...least, from_elsewhere: 1 })).not.toHaveProperty('from_elsewhere');
  });
});

describe('the input of /v1/embeddings', () => {
  it.each([
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [[1, 2], [[1, 2]]],
    [
      [[1], [2, 3]],
      [[1], [2, 3]],
    ],
  ])('%j is %j', (input, inputs) => {
    expect(toInputs(parseWith(embeddingsBodySchema, { input }))).toEqual(inputs);
  });

  it.each([[['a', 1]], [[1, [2]]], [[[1], 'a']]])('%j is refused', input => {
    expect(() => parseWith(embeddingsBodySchema, { input })).toThrow(/texts only/);
  });

  it('may be longer as ids of one text than as a list of texts', () => {
    const ids = Array(8_192).fill(7);
    expect(toInputs(parseWith(embeddingsBodySchema, { input: ids }))).toEqual([ids]);
    const refused = expect.objectContaining({
      param: 'input',
      message: expect.stringContaining('2048 texts'),
    });
    expect(() => parseWith(embeddingsBodySchema, { input: Array(2_049).fill('a') })).toThrow(refused);
  });
});

describe('an answer, byte for byte', () => {
  it('of /v1/embeddings', () => {
    expect([...embeddingsAnswer(EMBEDDINGS, 'm', 'float')].join('')).toBe(
      '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.600000024,-0.800000012]},' +
        '{"object":"embedding","index":1,"embedding":[1,0],"truncated":true}],' +
        '"model":"m","usage":{"prompt_tokens":259,"total_tokens":259}}',
    );
    expect([...embeddingsAnswer(EMBEDDINGS.slice(1), 'm', 'base64')].join('')).toBe(
      '{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAAA=","truncated":true}],' +
        '"model":"m","usage":{"prompt_tokens":256,"total_tokens":256}}',
    );
  });

  it('of /api/embed and /api/embeddings', () => {
    const figures = { model: 'a:latest', totalMs: 12.5, waitedMs: 0.25 };
    expect([...embedAnswer(EMBEDDINGS, figures)].join('')).toBe(
      '{"model":"a:latest","embeddings":[[0.600000024,-0.800000012],[1,0]],' +
        '"total_duration":12500000,"load_duration":250000,"prompt_eval_count":259}',
    );
    expect([...embedAnswer([], figures)].join('')).toContain('"embeddings":[],');
    expect([...legacyEmbedAnswer(EMBEDDINGS)].join('')).toBe('{"embedding":[0.600000024,-0.800000012]}');
    expect([...legacyEmbedAnswer([])].join('')).toBe('{"embedding":[]}');
  });
});
