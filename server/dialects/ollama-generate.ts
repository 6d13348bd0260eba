// POST /api/generate of Ollama: its body, its records and its whole answer.
// https://github.com/ollama/ollama, docs/api.md#generate-a-completion
import { z } from 'zod';
import type { GenerateRequest, Message, Result } from '../domain/generation.js';
import type { StreamEncoder } from './dialect.js';
import { toGrounding, toSomeWireGrounding, toWireGrounding } from './grounding-fields.js';
import { checkLogprobs, ollamaFields, toSampling } from './ollama-fields.js';
import {
  createRecordEncoder,
  endFields,
  type Fields,
  type OllamaContext,
  recordFields,
  toAnswer,
  toEnd,
  toWireLogprobs,
} from './ollama-record.js';
import { refusedField } from './refused-field.js';

const MAX_TOKEN_ID = 2 ** 31 - 1;
const MAX_CONTEXT_IDS = 200_000;
const NO_IMAGES = 'the model takes and makes text only';

export const ollamaGenerateBodySchema = z
  .object({
    ...ollamaFields,
    prompt: z
      .string()
      .nullish()
      .transform(prompt => prompt ?? '')
      .describe('What to answer; empty, the model is only loaded (or with keep_alive 0 unloaded).'),
    system: z
      .string()
      .nullish()
      .transform(system => system ?? '')
      .describe('A system message before the prompt.'),
    context: z
      .array(z.int().min(0).max(MAX_TOKEN_ID))
      .max(MAX_CONTEXT_IDS)
      .nullish()
      .transform(context => context ?? [])
      .describe('The `context` of an earlier answer, to go on from it.'),
    raw: z.boolean().nullish().describe('The prompt as it is, without the chat template.'),
    template: refusedField("the model's own chat template is used", [null, '']),
    suffix: refusedField('the model cannot fill in a middle', [null, '']),
    images: refusedField(NO_IMAGES, [null, []]),
    width: refusedField(NO_IMAGES, [null, 0]),
    height: refusedField(NO_IMAGES, [null, 0]),
    steps: refusedField(NO_IMAGES, [null, 0]),
    _debug_render_only: refusedField('prompts are answered, not shown', [null, false]),
  })
  .check(checkLogprobs)
  .check(({ value, issues }) => {
    if (value.raw !== true) return;
    const wrong = {
      system: value.system !== '',
      context: value.context.length > 0,
      documents: toGrounding(value.documents).grounding !== undefined,
    };
    for (const [field, isWrong] of Object.entries(wrong)) {
      if (isWrong)
        issues.push({ code: 'custom', message: 'does not go with "raw"', path: [field], input: value });
    }
  });

export type OllamaGenerateBody = z.output<typeof ollamaGenerateBodySchema>;

export const ollamaGenerateChunkSchema = z.union([
  z.object({ ...recordFields, response: z.string(), done: z.literal(false) }),
  z.object({
    ...recordFields,
    ...endFields,
    response: z.literal(''),
    context: z.array(z.int()).optional().describe('Tokens of prompt and answer; not with `raw`.'),
  }),
]);

export const ollamaGenerateAnswerSchema = z.object({
  ...recordFields,
  ...endFields,
  response: z.string(),
  context: z.array(z.int()).optional().describe('Tokens of prompt and answer; not with `raw`.'),
});

/** `seed` is the one to use when the body has none. */
export function fromOllamaGenerate(body: OllamaGenerateBody, seed: number): Omit<GenerateRequest, 'id'> {
  const sampling = toSampling(body, seed);
  if (body.raw === true) return { input: { prompt: body.prompt }, sampling };
  const messages: Message[] = [{ role: 'user', content: body.prompt }];
  if (body.system !== '') messages.unshift({ role: 'system', content: body.system });
  const context = body.context.length === 0 ? {} : { contextIds: body.context };
  return {
    input: { messages, ...context },
    sampling,
    wantsContext: true,
    ...toGrounding(body.documents, body.options.num_ctx ?? null),
  };
}

export function createOllamaGenerateEncoder(context: OllamaContext): StreamEncoder {
  return createRecordEncoder(context, { response: '', done: false }, event => {
    switch (event.type) {
      case 'token':
        if (event.text === '' && event.logprobs === undefined) return null;
        return { response: event.text, done: false, ...toWireLogprobs(event.logprobs) };
      case 'done':
        return { response: '', ...toEnd(event), ...toWireContext(event.context) };
      case 'grounded':
        return { response: '', done: false, ...toWireGrounding(event.report) };
      case 'queued':
      case 'started':
      case 'tool_call':
        return null;
    }
  });
}

export function toOllamaGenerateAnswer(context: OllamaContext, result: Result): Fields {
  return toAnswer(context, {
    response: result.text,
    ...toEnd(result),
    ...toWireContext(result.context),
    ...toWireLogprobs(result.logprobs),
    ...toSomeWireGrounding(result.grounding),
  });
}

/** Answers to a prompt that is empty: the model was loaded, or is being unloaded. */
export function toOllamaGenerateNotice(context: OllamaContext, reason: 'load' | 'unload'): Fields {
  return toAnswer(context, { response: '', done: true, done_reason: reason });
}

function toWireContext(context: readonly number[] | null | undefined): Fields {
  return context ? { context } : {};
}
