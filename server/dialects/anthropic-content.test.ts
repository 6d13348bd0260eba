import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseWith } from '../http/body.js';
import { refusalOf } from '../testing/refusal.js';
import { messageSchema, toMessages } from './anthropic-content.js';

const schema = z.object({ messages: z.array(messageSchema) });
const messagesOf = (...messages: unknown[]) => toMessages(parseWith(schema, { messages }).messages);

const text = (value: string) => ({ type: 'text', text: value });
const call = { type: 'tool_use', id: 'toolu_1', name: 'get_time', input: { zone: 'UTC' } };
const result = (more: object = {}) => ({
  type: 'tool_result',
  tool_use_id: 'toolu_1',
  content: 'noon',
  ...more,
});
const source = { type: 'base64', media_type: 'image/png', data: 'AA==' };

describe('Anthropic’s content', () => {
  it('is a string or blocks of text, a line each', () => {
    expect(messagesOf({ role: 'user', content: [text('a'), text('b')] })).toEqual([
      { role: 'user', content: 'a\nb' },
    ]);
    expect(messagesOf({ role: 'user', content: 'a\nb' })).toEqual([{ role: 'user', content: 'a\nb' }]);
  });

  it('of neighbours of the same role becomes one turn', () => {
    expect(
      messagesOf(
        { role: 'user', content: 'a' },
        { role: 'user', content: 'b' },
        { role: 'assistant', content: 'c' },
        { role: 'user', content: 'd' },
      ),
    ).toEqual([
      { role: 'user', content: 'a\nb' },
      { role: 'assistant', content: 'c' },
      { role: 'user', content: 'd' },
    ]);
  });

  it('becomes calls of tools and their results, in order', () => {
    expect(
      messagesOf(
        { role: 'user', content: 'what time is it?' },
        { role: 'assistant', content: [text('Let me see.'), call] },
        { role: 'user', content: [result(), text('Well?')] },
      ),
    ).toEqual([
      { role: 'user', content: 'what time is it?' },
      {
        role: 'assistant',
        content: 'Let me see.',
        toolCalls: [{ id: 'toolu_1', name: 'get_time', arguments: '{"zone":"UTC"}' }],
      },
      { role: 'tool', content: 'noon', toolCallId: 'toolu_1', name: 'get_time' },
      { role: 'user', content: 'Well?' },
    ]);
  });

  it('says of a result that it is an error', () => {
    const given = messagesOf(
      { role: 'assistant', content: [call] },
      { role: 'user', content: [result({ is_error: true, content: [text('no clock')] })] },
    );
    expect(given.at(-1)?.content).toBe('Error: no clock');
  });

  it.each([
    ['messages.0.content.1.type', { role: 'user', content: [text('a'), { type: 'image', source }] }],
    ['messages.0.content.0.type', { role: 'user', content: [{ type: 'document', source }] }],
    ['messages.0.content.0.type', { role: 'user', content: [call] }],
    ['messages.0.content.0.type', { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm' }] }],
    ['messages.0.content.0.tool_use_id', { role: 'user', content: [result()] }],
    [
      'messages.0.content.0.content.0.type',
      { role: 'user', content: [result({ content: [{ type: 'image' }] })] },
    ],
    ['messages.0.content.0.citations', { role: 'user', content: [{ ...text('a'), citations: [{}] }] }],
  ])('is refused by name: %s', (param, message) => {
    expect(refusalOf(messagesOf, message)).toMatchObject({ status: 400, param });
  });
});
