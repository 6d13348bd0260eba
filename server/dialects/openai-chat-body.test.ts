import { describe, expect, it } from 'vitest';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import { chatBodySchema, toChatGeneration } from './openai-chat-body.js';

const USER = { role: 'user', content: 'hello' };
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } };
const TOOL = {
  type: 'function',
  function: { name: 'get_time', description: 'The time.', parameters: SCHEMA },
};
const BARE = { name: 'now', parameters: { type: 'object', properties: {} } };

const parse = (more: Record<string, unknown> = {}) =>
  parseWith(chatBodySchema, { messages: [USER], ...more });
const generationOf = (more: Record<string, unknown> = {}) => {
  const { choices, reading, ...prompt } = toChatGeneration(parse(more), 7);
  return { ...prompt, sampling: choices[0], seeds: choices.map(({ seed }) => seed), reading };
};

const alone = (sampling: object) => ({ sampling: { topK: 0, repetitionPenalty: 1, ...sampling } });

/** What a field is set to, beside what it needs, and what of the generation shows it. */
const ACTS: Readonly<Record<string, readonly [more: Record<string, unknown>, expected: object]>> = {
  messages: [
    { messages: [{ role: 'user', content: 'other' }] },
    { input: { messages: [{ role: 'user', content: 'other' }] } },
  ],
  prompt: [
    { messages: undefined, prompt: 'x', stream: true },
    { input: { messages: [{ role: 'user', content: 'x' }] } },
  ],
  documents: [
    { documents: { top_k: 3, threshold: 0.5 } },
    { grounding: { topK: 3, threshold: 0.5, isRequired: true, contextLength: null } },
  ],
  max_tokens: [{ max_tokens: 5 }, { sampling: { maxTokens: 5 } }],
  max_completion_tokens: [{ max_completion_tokens: 6, max_tokens: 6 }, { sampling: { maxTokens: 6 } }],
  temperature: [{ temperature: 0 }, alone({ temperature: 0, topP: 1 })],
  top_p: [{ top_p: 0.5 }, alone({ temperature: 1, topP: 0.5 })],
  top_k: [{ top_k: 3 }, { sampling: { topK: 3, temperature: 0.2 } }],
  min_p: [{ min_p: 0.1 }, { sampling: { minP: 0.1 } }],
  repetition_penalty: [{ repetition_penalty: 1.3 }, { sampling: { repetitionPenalty: 1.3 } }],
  presence_penalty: [{ presence_penalty: 0.5 }, { sampling: { presencePenalty: 0.5 } }],
  frequency_penalty: [{ frequency_penalty: -0.5 }, { sampling: { frequencyPenalty: -0.5 } }],
  seed: [{ seed: 11 }, { seeds: [11] }],
  n: [{ n: 3 }, { seeds: [7, 8, 9] }],
  stop: [{ stop: 'END' }, { sampling: { stop: ['END'] } }],
  logit_bias: [{ logit_bias: { 12: -100 } }, { sampling: { logitBias: { 12: -100 } } }],
  logprobs: [{ logprobs: true }, { sampling: { logprobs: 0 } }],
  top_logprobs: [{ logprobs: true, top_logprobs: 4 }, { sampling: { logprobs: 4 } }],
  response_format: [
    { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: SCHEMA } } },
    { sampling: { constraint: { type: 'json_schema', schema: SCHEMA } } },
  ],
  tools: [
    { tools: [TOOL] },
    {
      input: { tools: [{ name: 'get_time', description: 'The time.', parameters: SCHEMA }] },
      reading: 'model',
    },
  ],
};
/** Shown where they act: which model answers, in which form, and how its calls are read (routes/openai-chat.test.ts). */
const OF_THE_ROUTE = ['model', 'stream', 'stream_options', 'parallel_tool_calls'];
/** With `tools` only; below. */
const ELSEWHERE = ['tool_choice'];
const WITHOUT_EFFECT: Readonly<Record<string, unknown>> = {
  user: 'u1',
  metadata: { a: 'b' },
  store: true,
  safety_identifier: 's',
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
  prompt_cache_options: {},
};
const REFUSED: Readonly<Record<string, unknown>> = {
  service_tier: 'priority',
  reasoning_effort: 'high',
  verbosity: 'low',
  modalities: ['text', 'audio'],
  audio: { voice: 'alloy', format: 'wav' },
  prediction: { type: 'content', content: 'x' },
  web_search_options: {},
  moderation: { model: 'm' },
  functions: [{ name: 'f' }],
  function_call: { name: 'f' },
};

describe('the fields of a chat completion', () => {
  it('are each in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...OF_THE_ROUTE, ...ELSEWHERE, ...Object.keys(WITHOUT_EFFECT)];
    expect(acceptedFields(chatBodySchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(chatBodySchema).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
  });

  it.each(Object.entries(ACTS))('%s acts', (_, [more, expected]) => {
    expect(generationOf()).not.toMatchObject(expected);
    expect(generationOf(more)).toMatchObject(expected);
  });

  it.each(Object.entries(WITHOUT_EFFECT))(
    '%s is accepted and described as without effect',
    (field, value) => {
      expect(generationOf({ [field]: value })).toEqual(generationOf());
      expect(chatBodySchema.shape[field as 'user'].description).toMatch(/^Accepted;/);
    },
  );

  it.each(Object.entries(REFUSED))('%s is refused by name', (field, value) => {
    expect(refusalOf(generationOf, { [field]: value })).toMatchObject({
      code: 'unsupported_parameter',
      param: field,
    });
    expect(generationOf({ [field]: null })).toEqual(generationOf());
  });

  it('that are null are absent', () => {
    const nulls = Object.keys(ACTS).filter(field => field !== 'messages' && field !== 'prompt');
    expect(generationOf(Object.fromEntries(nulls.map(field => [field, null])))).toEqual(generationOf());
  });

  it('of another API are ignored', () => {
    expect(generationOf({ brand_new: 1 })).toEqual(generationOf());
  });

  it.each([
    [{ service_tier: 'auto' }],
    [{ reasoning_effort: 'none' }],
    [{ verbosity: 'medium' }],
    [{ modalities: ['text'] }],
    [{ functions: [], function_call: 'none' }],
    [{ response_format: { type: 'text' } }],
    [{ tools: [] }],
    [{ tools: [TOOL], tool_choice: 'none' }],
    [{ parallel_tool_calls: true }],
  ])('pass where they ask for nothing: %j', more => {
    expect(generationOf(more)).toEqual(generationOf());
  });

  it('take any whole number for a seed, and count it up around the end', () => {
    expect(generationOf({ seed: -1, n: 2 }).seeds).toEqual([Number.MAX_SAFE_INTEGER, 0]);
    expect(generationOf({ seed: Number.MAX_SAFE_INTEGER - 1, n: 3 }).seeds).toEqual([
      Number.MAX_SAFE_INTEGER - 1,
      Number.MAX_SAFE_INTEGER,
      0,
    ]);
  });

  it('hold the answer to JSON without a schema, too', () => {
    const constraint = { type: 'json_object' };
    expect(generationOf({ response_format: constraint }).sampling).toMatchObject({ constraint });
    const response_format = { type: 'json_schema', json_schema: { name: 'a' } };
    expect(generationOf({ response_format }).sampling).toMatchObject({ constraint });
  });
});

describe('tool_choice', () => {
  const now = { type: 'function', function: { name: 'now', strict: true } };
  const callOf = (name: string, parameters: object) => ({
    type: 'object',
    properties: { name: { const: name }, arguments: parameters },
    required: ['name', 'arguments'],
    additionalProperties: false,
  });

  it('required holds the answer to a call of any tool', () => {
    expect(generationOf({ tools: [TOOL, now], tool_choice: 'required' })).toMatchObject({
      reading: 'bare',
      input: { tools: [{ name: 'get_time' }, BARE] },
      sampling: {
        constraint: { schema: { anyOf: [callOf('get_time', SCHEMA), callOf('now', BARE.parameters)] } },
      },
    });
  });

  it('a function by name holds it to that one, and references in its schema still point to what they did', () => {
    const parameters = {
      $defs: { a: { type: 'string' } },
      properties: { b: { items: [{ $ref: '#/$defs/a' }] } },
    };
    const tools = [now, { type: 'function', function: { name: 'refers', parameters } }];
    const { sampling } = generationOf({
      tools,
      tool_choice: { type: 'function', function: { name: 'refers' } },
    });
    const rebased = {
      ...parameters,
      properties: { b: { items: [{ $ref: '#/properties/arguments/$defs/a' }] } },
    };
    expect(sampling?.constraint).toEqual({ type: 'json_schema', schema: callOf('refers', rebased) });
  });
});

describe('messages', () => {
  it('are what the model reads, the tools by their names', () => {
    const messages = [
      { role: 'developer', content: 'Be brief.', name: 'boss' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What ' },
          { type: 'text', text: 'time?' },
        ],
        name: 'ada',
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'now', arguments: '' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'noon' },
      { role: 'tool', tool_call_id: 'call_2', content: 'lost' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      { role: 'assistant', content: null, refusal: 'Never.' },
    ];
    expect(generationOf({ messages }).input.messages).toEqual([
      { role: 'system', content: 'Be brief.', name: 'boss' },
      { role: 'user', content: 'What time?', name: 'ada' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'now', arguments: '{}' }] },
      { role: 'tool', content: 'noon', toolCallId: 'call_1', name: 'now' },
      { role: 'tool', content: 'lost', toolCallId: 'call_2' },
      { role: 'assistant', content: 'No.' },
      { role: 'assistant', content: 'Never.' },
    ]);
  });
});

describe('a chat completion is refused with the name of the field', () => {
  const part = (value: object) => ({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, value] }],
  });
  const strict = { ...TOOL, function: { ...TOOL.function, strict: true } };
  it.each<[object, string, string?]>([
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'x' }, 'messages'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'assistant', content: null }] }, 'messages.0.content'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.tool_call_id'],
    [
      part({ type: 'image_url', image_url: { url: 'x' } }),
      'messages.0.content.1.type',
      'unsupported_parameter',
    ],
    [part({ type: 'text' }), 'messages.0.content.1.text'],
    [{ prompt: 'x', stream: true }, 'prompt'],
    [{ messages: undefined, prompt: 'x' }, 'stream'],
    [{ messages: undefined, prompt: ' ', stream: true }, 'prompt'],
    [{ messages: undefined, prompt: 'x'.repeat(5_001), stream: true }, 'prompt'],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ top_p: 1.1 }, 'top_p'],
    [{ n: 9 }, 'n'],
    [{ seed: 1.5 }, 'seed'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: '' }, 'stop'],
    [{ presence_penalty: 3 }, 'presence_penalty'],
    [{ logit_bias: { a: 1 } }, 'logit_bias.a'],
    [{ logit_bias: { 1: 101 } }, 'logit_bias.1'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ response_format: { type: 'grammar' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ tools: [{ type: 'custom', custom: {} }] }, 'tools.0.type'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools.0.function.name'],
    [{ tools: [TOOL, strict] }, 'tools.1.function.strict', 'unsupported_parameter'],
    [{ tools: [TOOL], response_format: { type: 'json_object' } }, 'response_format', 'unsupported_parameter'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [TOOL], tool_choice: { type: 'function', function: { name: 'other' } } }, 'tool_choice'],
    [{ tools: [TOOL], tool_choice: 'always' }, 'tool_choice'],
  ])('%j', (more, param, code = 'invalid_request') => {
    expect(refusalOf(generationOf, more as Record<string, unknown>)).toMatchObject({
      status: 400,
      param,
      code,
    });
  });
});
