import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Message } from '../domain/generation.js';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import { responsesBodySchema, toGeneration } from './openai-responses-body.js';

const BASE = { input: 'hello' };
const TOOL = { type: 'function', name: 'get_time', description: 'The time.', parameters: { type: 'object' } };
const OTHER_TOOL = { ...TOOL, name: 'get_date' };
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } };
const FORMER: readonly Message[] = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'get_time', arguments: '{}' }] },
];

const generationOf = (more: Record<string, unknown> = {}, former: readonly Message[] = []) =>
  toGeneration(parseWith(responsesBodySchema, { ...BASE, ...more }), former, 7);

/** What a field is set to, beside what else it needs, and what of the generation shows it. */
const ACTS: Readonly<Record<string, readonly [more: Record<string, unknown>, expected: object]>> = {
  input: [{ input: 'other' }, { input: { messages: [{ role: 'user', content: 'other' }] } }],
  instructions: [
    { instructions: 'be brief' },
    {
      input: {
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'hello' },
        ],
      },
    },
  ],
  documents: [
    { documents: { top_k: 3, threshold: 0.5 } },
    { grounding: { topK: 3, threshold: 0.5, isRequired: true, contextLength: null } },
  ],
  max_output_tokens: [{ max_output_tokens: 5 }, { sampling: { maxTokens: 5 } }],
  temperature: [{ temperature: 0 }, { sampling: { temperature: 0, topP: 1, topK: 0, repetitionPenalty: 1 } }],
  top_p: [{ top_p: 0.5 }, { sampling: { temperature: 1, topP: 0.5, topK: 0, repetitionPenalty: 1 } }],
  top_logprobs: [{ top_logprobs: 3 }, { sampling: { logprobs: 3 } }],
  include: [{ include: ['message.output_text.logprobs'] }, { sampling: { logprobs: 0 } }],
  text: [
    { text: { format: { type: 'json_schema', name: 'a', schema: SCHEMA } } },
    { sampling: { constraint: { type: 'json_schema', schema: SCHEMA } } },
  ],
  tools: [{ tools: [TOOL] }, { input: { tools: [{ name: 'get_time' }] }, reading: 'model' }],
  tool_choice: [
    { tools: [TOOL], tool_choice: 'required' },
    { sampling: { constraint: { type: 'json_schema' } }, reading: 'bare' },
  ],
};
/** Shown where they act: routes/openai-responses.test.ts, routes/chats.test.ts and clients/openai-responses.test.ts. */
const OF_THE_ROUTE = [
  'model',
  'previous_response_id',
  'stream',
  'background',
  'store',
  'parallel_tool_calls',
  'metadata',
  'chat_id',
];
/** Its one field is refused; below. */
const ELSEWHERE = ['stream_options'];
const WITHOUT_EFFECT = [
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
];
const REFUSED: Readonly<Record<string, unknown>> = {
  service_tier: 'flex',
  truncation: 'auto',
  reasoning: { effort: 'high' },
  max_tool_calls: 3,
  conversation: 'conv_1',
  prompt: { id: 'pmpt_1' },
  context_management: [{ type: 'compaction' }],
  moderation: { model: 'm' },
};

describe('the fields of a response request', () => {
  const schema = z.object(responsesBodySchema.shape);

  it('are each in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...OF_THE_ROUTE, ...ELSEWHERE, ...WITHOUT_EFFECT];
    expect(acceptedFields(schema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(schema).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
  });

  it.each(Object.entries(ACTS))('%s acts', (_, [more, expected]) => {
    expect(generationOf()).not.toMatchObject(expected);
    expect(generationOf(more)).toMatchObject(expected);
  });

  it.each(WITHOUT_EFFECT)('%s is accepted and described as without effect', field => {
    expect(generationOf({ [field]: 'x' })).toEqual(generationOf());
    expect(schema.shape[field as 'user'].description).toMatch(/^Accepted;/);
  });

  it.each(Object.entries(REFUSED))('%s is refused by name', (field, value) => {
    expect(refusalOf(generationOf, { [field]: value })).toMatchObject({
      code: 'unsupported_parameter',
      param: field,
    });
    expect(generationOf({ [field]: null })).toEqual(generationOf());
  });

  it('of another API are ignored', () => {
    expect(generationOf({ brand_new: 1 })).toEqual(generationOf());
  });

  it('have the model’s own defaults', () => {
    expect(generationOf().sampling).toMatchObject({
      temperature: 0.2,
      topP: 0.9,
      topK: 50,
      seed: 7,
      logprobs: null,
    });
  });

  it('hide the tools from a model that is to call none', () => {
    expect(generationOf({ tools: [TOOL], tool_choice: 'none' }).input.tools).toBeUndefined();
  });

  it('hold the answer to the one tool that is named', () => {
    const choice = { type: 'function', name: 'get_date' };
    const { sampling, reading } = generationOf({ tools: [TOOL, OTHER_TOOL], tool_choice: choice });
    expect(JSON.stringify(sampling.constraint)).toContain('get_date');
    expect(JSON.stringify(sampling.constraint)).not.toContain('get_time');
    expect(reading).toBe('bare');
  });
});

describe('the input of a response', () => {
  it('is a string, or items of messages, calls and their outputs', () => {
    const input = [
      { role: 'developer', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a' },
          { type: 'input_text', text: 'b' },
        ],
      },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'c' }],
      },
      { type: 'function_call', call_id: 'call_9', name: 'get_time', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_9', output: 'noon' },
    ];
    expect(generationOf({ input }).input.messages).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'a\nb' },
      { role: 'assistant', content: 'c', toolCalls: [{ id: 'call_9', name: 'get_time', arguments: '{}' }] },
      { role: 'tool', content: 'noon', toolCallId: 'call_9', name: 'get_time' },
    ]);
  });

  it('stands behind what was said before, of which the instructions are no part', () => {
    const input = [{ type: 'function_call_output', call_id: 'call_1', output: 'noon' }];
    const { conversation, input: given } = generationOf({ input, instructions: 'be brief' }, FORMER);
    const answered = { role: 'tool', content: 'noon', toolCallId: 'call_1', name: 'get_time' };
    expect(conversation).toEqual([...FORMER, answered]);
    expect(given.messages).toEqual([{ role: 'system', content: 'be brief' }, ...FORMER, answered]);
  });
});

describe('a response request is refused with the name of the field', () => {
  const user = (...content: unknown[]) => ({ input: [{ role: 'user', content }] });
  it.each([
    [{ input: undefined }, 'input'],
    [{ input: '' }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: [{ role: 'robot', content: 'x' }] }, 'input.0.role'],
    [user({ type: 'input_text', text: 'a' }, { type: 'input_image' }), 'input.0.content.1.type'],
    [{ input: [{ type: 'reasoning', summary: [] }] }, 'input.0.type'],
    [{ input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }, 'input.0.call_id'],
    [{ input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '[' }] }, 'input.0.arguments'],
    [{ input: [{ type: 'function_call_output', call_id: 'c', output: 'x' }] }, 'input.0.call_id'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ top_p: 0 }, 'top_p'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'],
    [{ top_logprobs: 21 }, 'top_logprobs'],
    [{ include: ['file_search_call.results'] }, 'include.0'],
    [{ metadata: { a: 1 } }, 'metadata.a'],
    [{ background: true, store: false }, 'store'],
    [{ stream_options: {} }, 'stream_options'],
    [{ stream: true, stream_options: { include_obfuscation: true } }, 'stream_options.include_obfuscation'],
    [{ text: { verbosity: 'low' } }, 'text.verbosity'],
    [{ text: { format: { type: 'json_schema', name: 'a' } } }, 'text.format.schema'],
    [{ text: { format: { type: 'json_object' } }, tools: [TOOL] }, 'text.format'],
    [{ tools: [{ type: 'web_search' }] }, 'tools.0.type'],
    [{ tools: [{ ...TOOL, strict: true }] }, 'tools.0.strict'],
    [{ tools: [TOOL], tool_choice: { type: 'function', name: 'other' } }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
  ])('%j', (more, param) => {
    expect(refusalOf(generationOf, more)).toMatchObject({ status: 400, param });
  });
});
