import { describe, expect, it } from 'vitest';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { acceptedFields, refusedFields } from '../testing/schema-fields.js';
import { countTokensBodySchema, messagesBodySchema, toGeneration } from './anthropic-messages-body.js';

const BASE = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };
const TOOL = { name: 'get_time', description: 'The time.', input_schema: { type: 'object' } };
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } };

const generationOf = (more: Record<string, unknown> = {}) =>
  toGeneration(parseWith(messagesBodySchema, { ...BASE, ...more }), 7);

/** What a field is set to, beside what else it needs, and what of the generation shows it. */
const ACTS: Readonly<Record<string, readonly [more: Record<string, unknown>, expected: object]>> = {
  messages: [
    { messages: [{ role: 'user', content: 'other' }] },
    { input: { messages: [{ role: 'user', content: 'other' }] } },
  ],
  system: [
    { system: 'be brief' },
    {
      input: {
        messages: [
          { role: 'system', content: 'be brief' },
          { role: 'user', content: 'hello' },
        ],
      },
    },
  ],
  tools: [
    { tools: [TOOL] },
    { input: { tools: [{ name: 'get_time', description: 'The time.', parameters: { type: 'object' } }] } },
  ],
  documents: [
    { documents: { top_k: 3, threshold: 0.5 } },
    { grounding: { topK: 3, threshold: 0.5, isRequired: true, contextLength: null } },
  ],
  max_tokens: [{ max_tokens: 5 }, { sampling: { maxTokens: 5 } }],
  stop_sequences: [{ stop_sequences: ['END'] }, { sampling: { stop: ['END'] } }],
  temperature: [
    { temperature: 0.5 },
    { sampling: { temperature: 0.5, topP: 1, topK: 0, repetitionPenalty: 1 } },
  ],
  top_p: [{ top_p: 0.5 }, { sampling: { temperature: 1, topP: 0.5, topK: 0, repetitionPenalty: 1 } }],
  top_k: [{ top_k: 7 }, { sampling: { topK: 7, temperature: 0.2 } }],
  output_config: [
    { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    { sampling: { constraint: { type: 'json_schema', schema: SCHEMA } } },
  ],
};
/** Shown where they act: which model answers, and in which form (routes/anthropic.test.ts). */
const OF_THE_ROUTE = ['model', 'stream'];
/** With `tools` only; below. */
const ELSEWHERE = ['tool_choice'];
const WITHOUT_EFFECT: Readonly<Record<string, unknown>> = {
  metadata: { user_id: 'u1' },
  service_tier: 'auto',
  cache_control: { type: 'ephemeral' },
};
const REFUSED: Readonly<Record<string, unknown>> = {
  thinking: { type: 'enabled', budget_tokens: 1024 },
  speed: 'fast',
  output_format: { type: 'json_schema', schema: SCHEMA },
  context_management: { edits: [] },
  mcp_servers: [{ type: 'url', url: 'https://example.com' }],
  container: 'c1',
  inference_geo: 'eu',
  diagnostics: { previous_message_id: 'msg_1' },
};

describe('the fields of a message request', () => {
  it('are each in one of these tables', () => {
    const listed = [...Object.keys(ACTS), ...OF_THE_ROUTE, ...ELSEWHERE, ...Object.keys(WITHOUT_EFFECT)];
    expect(acceptedFields(messagesBodySchema).toSorted()).toEqual(listed.toSorted());
    expect(refusedFields(messagesBodySchema).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
    for (const field of Object.keys(countTokensBodySchema.shape)) {
      expect(messagesBodySchema.shape).toHaveProperty([field]);
    }
  });

  it.each(Object.entries(ACTS))('%s acts', (_, [more, expected]) => {
    const { input, sampling } = generationOf();
    expect({ input, sampling }).not.toMatchObject(expected);
    expect(generationOf(more)).toMatchObject(expected);
  });

  it.each(Object.entries(WITHOUT_EFFECT))(
    '%s is accepted and described as without effect',
    (field, value) => {
      expect(generationOf({ [field]: value })).toEqual(generationOf());
      expect(messagesBodySchema.shape[field as 'metadata'].description).toMatch(/^Accepted;/);
    },
  );

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
      stop: [],
    });
  });

  it('hide the tools from a model that is to call none', () => {
    expect(generationOf({ tools: [TOOL], tool_choice: { type: 'none' } }).input.tools).toBeUndefined();
    expect(generationOf({ tools: [TOOL], tool_choice: { type: 'auto' } }).input.tools).toHaveLength(1);
    expect(generationOf({ tools: [] }).input.tools).toBeUndefined();
  });

  it.each([{ type: 'any' }, { type: 'tool', name: 'get_time' }])(
    'hold the answer to one call with tool_choice %j',
    choice => {
      const { sampling, reading } = generationOf({ tools: [TOOL], tool_choice: choice });
      expect(reading).toBe('bare');
      expect(JSON.stringify(sampling.constraint)).toContain('get_time');
    },
  );

  it('continue what the assistant has begun', () => {
    const messages = [...BASE.messages, { role: 'assistant', content: 'I would' }];
    expect(generationOf({ messages }).input).toMatchObject({ continueFinal: true });
    expect(generationOf().input.continueFinal).toBeUndefined();
  });

  it('let thinking be switched off', () => {
    expect(generationOf({ thinking: { type: 'disabled' } })).toEqual(generationOf());
  });
});

describe('a message request is refused with the name of the field', () => {
  it.each([
    [{ max_tokens: undefined }, 'max_tokens'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ temperature: 1.1 }, 'temperature'],
    [{ top_p: 0 }, 'top_p'],
    [{ top_k: -1 }, 'top_k'],
    [{ model: '' }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'user', content: '' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] }, 'messages'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages.0.role'],
    [{ stop_sequences: [''] }, 'stop_sequences.0'],
    [{ stop_sequences: Array(17).fill('x') }, 'stop_sequences'],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools.0.type'],
    [{ tools: [{ ...TOOL, name: 'a b' }] }, 'tools.0.name'],
    [{ tools: [{ ...TOOL, strict: true }] }, 'tools.0.strict'],
    [{ tool_choice: { type: 'any' } }, 'tool_choice'],
    [{ tools: [TOOL], tool_choice: { type: 'tool', name: 'other' } }, 'tool_choice'],
    [{ tool_choice: { type: 'some' } }, 'tool_choice.type'],
    [
      { tools: [TOOL], output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
      'output_config.format',
    ],
    [{ output_config: { effort: 'low' } }, 'output_config.effort'],
    [{ output_config: { format: { type: 'text' } } }, 'output_config.format.type'],
  ])('%j', (more, param) => {
    expect(refusalOf(generationOf, more)).toMatchObject({ status: 400, param });
  });
});
