import { describe, expect, it } from 'vitest';
import {
  ollamaProcessesSchema,
  ollamaShowSchema,
  ollamaTagsSchema,
  toOllamaEmbedderShow,
  toOllamaProcesses,
  toOllamaShow,
  toOllamaTags,
} from './ollama-models.js';

const DETAILS = {
  family: 'llama',
  layers: 30,
  embedding_length: 576,
  heads: 9,
  kv_heads: 3,
  vocabulary: 49_152,
  size_bytes: 269_060_552,
  modified_at: '2026-11-21T15:00:00.000Z',
  template: '{{ messages }}',
};
const FACTS: Parameters<typeof toOllamaShow>[0] = {
  id: 'smollm2-135m-instruct',
  digest: `sha256:${'ab'.repeat(32)}`,
  parameters: 134_515_008,
  context_length: 8_192,
  dtype: 'bfloat16',
  quantization: 'none',
  device: 'cpu',
  tool_format: null,
  details: DETAILS,
};
const NOW = new Date('2026-11-21T16:00:00Z');

describe('/api/tags', () => {
  it('names the model with its tag and tells its figures as Ollama writes them', () => {
    const tags = toOllamaTags(FACTS.id, FACTS, null);
    expect(tags).toEqual({
      models: [
        {
          name: 'smollm2-135m-instruct:latest',
          model: 'smollm2-135m-instruct:latest',
          modified_at: '2026-11-21T15:00:00.000Z',
          size: 269_060_552,
          digest: 'ab'.repeat(32),
          details: {
            parent_model: '',
            format: 'safetensors',
            family: 'llama',
            families: ['llama'],
            parameter_size: '134.52M',
            quantization_level: 'BF16',
          },
        },
      ],
    });
    expect(ollamaTagsSchema.parse(tags)).toEqual(tags);
  });

  it('knows only the name while it loads for the first time', () => {
    const tags = toOllamaTags('qwen:1b', null, null);
    expect(tags.models[0]).toMatchObject({ name: 'qwen:1b', size: 0, digest: '0'.repeat(64) });
    expect(tags.models[0]).not.toHaveProperty('modified_at');
    expect(ollamaTagsSchema.parse(tags)).toEqual(tags);
  });

  it.each([
    [{ parameters: 7_615_616_512 }, { parameter_size: '7.6B' }],
    [{ parameters: 12 }, { parameter_size: '12' }],
    [{ quantization: 'int8' }, { quantization_level: 'INT8' }],
    [{ dtype: 'float32' }, { quantization_level: 'F32' }],
  ])('of %j says %j', (change, details) => {
    expect(toOllamaTags('x', { ...FACTS, ...change }, null).models[0]?.details).toMatchObject(details);
  });
});

describe('the embedder', () => {
  const EMBEDDER = {
    id: 'all-minilm-l6-v2',
    dimensions: 384,
    context_length: 256,
    family: 'bert',
    digest: `sha256:${'ab'.repeat(32)}`,
    size_bytes: 90_868_376,
    modified_at: '2026-11-21T12:00:00.000Z',
  };

  it('is listed behind the model', () => {
    const tags = toOllamaTags(FACTS.id, FACTS, EMBEDDER);
    expect(tags.models.map(({ name }) => name)).toEqual([
      'smollm2-135m-instruct:latest',
      'all-minilm-l6-v2:latest',
    ]);
    expect(ollamaTagsSchema.parse(tags)).toEqual(tags);
    expect(tags.models[1]).toMatchObject({ size: EMBEDDER.size_bytes, modified_at: EMBEDDER.modified_at });
  });

  it('has a digest that Ollama can cut, as the model has before it is loaded', () => {
    for (const { digest } of toOllamaTags(FACTS.id, null, EMBEDDER).models)
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is shown as one', () => {
    const shown = toOllamaEmbedderShow(EMBEDDER);
    expect(shown).toMatchObject({
      capabilities: ['embedding'],
      model_info: { 'bert.context_length': 256, 'bert.embedding_length': 384 },
    });
    expect(ollamaShowSchema.parse(shown)).toEqual(shown);
  });
});

describe('/api/ps', () => {
  it('tells when it goes and what memory it has', () => {
    const expiresAt = new Date('2026-11-21T16:05:00Z');
    const running = toOllamaProcesses(FACTS, { expiresAt, now: NOW, rssBytes: 700 });
    expect(running.models[0]).toMatchObject({
      expires_at: '2026-11-21T16:05:00.000Z',
      size: 700,
      size_vram: 0,
      context_length: 8_192,
    });
    expect(ollamaProcessesSchema.parse(running)).toEqual(running);
  });

  it('counts weights that are on a GPU as its memory, and for ever as centuries', () => {
    const gpu = { ...FACTS, device: 'cuda:0' };
    const [model] = toOllamaProcesses(gpu, { expiresAt: null, now: NOW, rssBytes: 700 }).models;
    expect(model).toMatchObject({ size: DETAILS.size_bytes, size_vram: DETAILS.size_bytes });
    expect(model?.expires_at).toMatch(/^2319-/);
  });
});

describe('/api/show', () => {
  it('tells template, parameters in force, shape and what the model can do', () => {
    const shown = toOllamaShow(FACTS);
    expect(shown).toMatchObject({
      template: '{{ messages }}',
      parameters: 'temperature 0.2\ntop_p 0.9\ntop_k 50\nrepeat_penalty 1.1',
      capabilities: ['completion'],
      modified_at: DETAILS.modified_at,
      model_info: {
        'general.architecture': 'llama',
        'general.parameter_count': 134_515_008,
        'llama.context_length': 8_192,
        'llama.block_count': 30,
        'llama.embedding_length': 576,
        'llama.attention.head_count': 9,
        'llama.attention.head_count_kv': 3,
        'llama.vocab_size': 49_152,
      },
    });
    expect(shown.modelfile).toContain('FROM smollm2-135m-instruct\nTEMPLATE """{{ messages }}"""\n');
    expect(ollamaShowSchema.parse(shown)).toEqual(shown);
  });

  it('leaves out what is not known, and says when tools can be called', () => {
    const shown = toOllamaShow({ ...FACTS, tool_format: 'hermes', details: { ...DETAILS, layers: null } });
    expect(shown.capabilities).toEqual(['completion', 'tools']);
    expect(shown.model_info).not.toHaveProperty(['llama.block_count']);
    expect(toOllamaShow({ ...FACTS, details: null }).model_info).toEqual({
      'general.architecture': 'unknown',
      'general.parameter_count': 134_515_008,
      'unknown.context_length': 8_192,
    });
  });
});
