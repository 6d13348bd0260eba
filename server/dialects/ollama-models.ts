// Everything of Ollama about models: what there is, what is loaded, what one is like. Knows the facts, not the worker.
// https://github.com/ollama/ollama, docs/api.md and api/types.go
import { z } from 'zod';
import type { EmbedderFacts, ModelFacts } from '../domain/model-facts.js';
import { RECOMMENDED } from './default-sampling.js';
import { modelField } from './ollama-fields.js';
import { refusedField } from './refused-field.js';

/**
 * The release whose API this is. Editors and agents ask for a minimum here before they speak to a server, so our own
 * version would turn them away.
 */
export const OLLAMA_VERSION = '0.33.0';

/** Go's zero-less "for ever": what Ollama itself reports, its longest duration from now. */
const FOR_EVER_MS = 2 ** 63 / 1e6;

type Model = Omit<ModelFacts, 'architecture' | 'chat_template' | 'perplexity'>;
type Embedder = Omit<EmbedderFacts, 'tokenizer'>;

export const ollamaShowBodySchema = z.object({
  model: modelField,
  name: modelField.describe('Older name of `model`.'),
  system: refusedField('what is shown is what there is', [null, '']),
  template: refusedField('what is shown is what there is', [null, '']),
  options: refusedField('what is shown is what there is', [null, {}]),
  verbose: refusedField('tensors and vocabulary are not listed', [null, false]),
});

export const ollamaPullBodySchema = z.object({
  model: modelField,
  name: modelField.describe('Older name of `model`.'),
  stream: z
    .boolean()
    .nullish()
    .transform(stream => stream ?? true)
    .describe('NDJSON lines, the default, or one JSON object.'),
});

const detailsSchema = z.object({
  parent_model: z.string(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()),
  parameter_size: z.string(),
  quantization_level: z.string(),
});
const entryFields = {
  name: z.string(),
  model: z.string(),
  size: z.int().min(0),
  digest: z.string(),
  details: detailsSchema,
} as const;

export const ollamaTagsSchema = z.object({
  models: z.array(
    z.object({
      ...entryFields,
      modified_at: z.iso.datetime().optional().describe('Not known before it has been loaded once.'),
    }),
  ),
});
export const ollamaProcessesSchema = z.object({
  models: z.array(
    z.object({
      ...entryFields,
      expires_at: z.iso.datetime().describe('When it goes if nobody asks it anything.'),
      size_vram: z.int().min(0),
      context_length: z.int().min(1),
    }),
  ),
});
export const ollamaShowSchema = z.object({
  modelfile: z.string(),
  parameters: z.string().describe('What is in force where a request names nothing else.'),
  template: z.string().describe('In Jinja, not in the language of Go.'),
  details: detailsSchema,
  model_info: z.record(z.string(), z.unknown()),
  capabilities: z.array(z.string()),
  modified_at: z.iso.datetime().optional(),
});
export const ollamaVersionSchema = z.object({ version: z.string() });
export const ollamaStatusSchema = z.object({ status: z.string() });

/** Ollama's names have a tag. */
function tagged(id: string): string {
  return id.includes(':') ? id : `${id}:latest`;
}

function humanCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)}B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(2)}M` : String(count);
}

const DTYPES: Readonly<Record<string, string>> = { bfloat16: 'BF16', float16: 'F16', float32: 'F32' };

function toDetails({ details, parameters, quantization, dtype }: Model): z.output<typeof detailsSchema> {
  const family = details?.family ?? '';
  return {
    parent_model: '',
    format: details === null ? '' : 'safetensors',
    family,
    families: family === '' ? [] : [family],
    parameter_size: parameters === 0 ? '' : humanCount(parameters),
    quantization_level: quantization === 'none' ? (DTYPES[dtype] ?? dtype) : quantization.toUpperCase(),
  };
}

function toEntry(facts: Model) {
  const name = tagged(facts.id);
  return {
    name,
    model: name,
    size: facts.details?.size_bytes ?? 0,
    digest: facts.digest.replace(/^sha256:/, ''),
    details: toDetails(facts),
  };
}

const UNKNOWN = {
  // Ollama's own program cuts twelve characters off it.
  digest: '0'.repeat(64),
  parameters: 0,
  context_length: 0,
  dtype: '',
  quantization: 'none',
  device: '',
  tool_format: null,
  details: null,
} as const;

/**
 * @param facts null while it loads for the first time: only its name is known.
 * @param embedder null while that is not known, or when there is none.
 */
export function toOllamaTags(
  id: string,
  facts: Model | null,
  embedder: Embedder | null,
): z.output<typeof ollamaTagsSchema> {
  const entry = { ...toEntry(facts ?? { id, ...UNKNOWN }), ...modifiedAt(facts) };
  return {
    models: [entry, ...(embedder === null ? [] : [toEmbedderEntry(embedder)])],
  };
}

function toEmbedderEntry({ id, digest, size_bytes: size, modified_at, family }: Embedder) {
  const details = { ...toDetails({ id, ...UNKNOWN }), format: 'safetensors', family, families: [family] };
  return { ...toEntry({ ...UNKNOWN, id, digest }), size, modified_at, details };
}

export interface Residence {
  /** Null for never. */
  readonly expiresAt: Date | null;
  readonly now: Date;
  /** Memory of the worker; null when it has not told yet. */
  readonly rssBytes: number | null;
}

export function toOllamaProcesses(
  facts: Model,
  { expiresAt, now, rssBytes }: Residence,
): z.output<typeof ollamaProcessesSchema> {
  const entry = toEntry(facts);
  const isOnGpu = facts.device.startsWith('cuda');
  const ends = expiresAt ?? new Date(now.getTime() + FOR_EVER_MS);
  return {
    models: [
      {
        ...entry,
        size: isOnGpu ? entry.size : (rssBytes ?? entry.size),
        size_vram: isOnGpu ? entry.size : 0,
        expires_at: ends.toISOString(),
        context_length: facts.context_length,
      },
    ],
  };
}

export function toOllamaShow(facts: Model): z.output<typeof ollamaShowSchema> {
  const template = facts.details?.template ?? '';
  const parameters = [
    `temperature ${RECOMMENDED.temperature}`,
    `top_p ${RECOMMENDED.topP}`,
    `top_k ${RECOMMENDED.topK}`,
    `repeat_penalty ${RECOMMENDED.repetitionPenalty}`,
  ];
  const lines = [
    '# minivault serves the model that MINIVAULT_MODEL names; its template is Jinja.',
    `FROM ${facts.id}`,
    `TEMPLATE """${template}"""`,
    ...parameters.map(parameter => `PARAMETER ${parameter}`),
  ];
  return {
    modelfile: `${lines.join('\n')}\n`,
    parameters: parameters.join('\n'),
    template,
    details: toDetails(facts),
    model_info: toModelInfo(facts),
    capabilities: ['completion', ...(facts.tool_format === null ? [] : ['tools'])],
    ...modifiedAt(facts),
  };
}

export function toOllamaEmbedderShow(embedder: Embedder): z.output<typeof ollamaShowSchema> {
  return {
    modelfile: `FROM ${embedder.id}\n`,
    parameters: '',
    template: '',
    details: toEmbedderEntry(embedder).details,
    model_info: {
      'general.architecture': embedder.family,
      [`${embedder.family}.context_length`]: embedder.context_length,
      [`${embedder.family}.embedding_length`]: embedder.dimensions,
    },
    capabilities: ['embedding'],
    modified_at: embedder.modified_at,
  };
}

function modifiedAt(facts: Model | null): { modified_at?: string } {
  return facts?.details ? { modified_at: facts.details.modified_at } : {};
}

/** Under GGUF's names; figures that are not known are left out. */
function toModelInfo({ parameters, context_length: contextLength, details }: Model) {
  const family = details?.family ?? 'unknown';
  const info = {
    'general.architecture': family,
    'general.parameter_count': parameters,
    [`${family}.context_length`]: contextLength,
    [`${family}.block_count`]: details?.layers,
    [`${family}.embedding_length`]: details?.embedding_length,
    [`${family}.attention.head_count`]: details?.heads,
    [`${family}.attention.head_count_kv`]: details?.kv_heads,
    [`${family}.vocab_size`]: details?.vocabulary,
  };
  return Object.fromEntries(
    Object.entries(info).filter(([, value]) => value !== null && value !== undefined),
  );
}
