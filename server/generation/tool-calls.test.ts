import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../domain/generation.js';
import { DONE } from '../testing/scripted-generate.js';
import { collect } from './collect.js';
import { parseToolCalls } from './tool-calls.js';

const ID = '0192f0c1-0000-7000-8000-00000000abcd';

async function* source(pieces: readonly string[]) {
  for (const text of pieces) {
    const logprobs = [{ token: text, logprob: -1, top: [] }];
    yield [{ type: 'token', text, tokens: 1, logprobs } as GenerationEvent];
  }
  yield [DONE];
}

function parse(format: string | null, pieces: readonly string[], isParallel = true) {
  return parseToolCalls(source(pieces), { format: () => format, exchangeId: ID, isParallel });
}

async function read(format: string | null, ...pieces: string[]) {
  const { text, toolCalls } = await collect(parse(format, pieces));
  return { text, calls: toolCalls.map(({ name, arguments: given }) => [name, given]) };
}

const SUM = ['sum', '{"a":1,"b":[2,{"c":"}]"}]}'];
const NOW = ['now', '{}'];

const ANSWERS: readonly [format: string, written: string, text: string, calls: unknown[]][] = [
  ['hermes', 'Plain < text; with <tool_ in it. ', 'Plain < text; with <tool_ in it. ', []],
  [
    'hermes',
    '<tool_call>\n{"name": "sum", "arguments": {"a": 1, "b": [2, {"c": "}]"}]}}\n</tool_call>',
    '',
    [SUM],
  ],
  [
    'hermes',
    'Let me see; \n<tool_call>{"name":"now"}</tool_call>\n\n<tool_call>{"name":"now","arguments":{}}</tool_call>\nSo;',
    'Let me see;\nSo;',
    [NOW, NOW],
  ],
  ['hermes', 'x<tool_call>{"name":"now","arguments":{}}', 'x', [NOW]],
  ['hermes', '<tool_call>{"name": 7}</tool_call> no', '<tool_call>{"name": 7}</tool_call> no', []],
  ['hermes', '<tool_call>{"name":"now","argum', '<tool_call>{"name":"now","argum', []],
  ['hermes', 'ends in <tool_call', 'ends in <tool_call', []],
  [
    'llama3',
    ' {"name": "sum", "parameters": {"a": 1, "b": [2, {"c": "}]"}]}}; {"name": "now", "parameters": {}}',
    '',
    [SUM, NOW],
  ],
  ['llama3', '<|python_tag|>{"name": "now", "parameters": {}}', '', [NOW]],
  ['llama3', 'Say <|python_tag|>{"name": "now", "parameters": {}}', 'Say', [NOW]],
  ['llama3', '<|python_tag|>print(1)', '<|python_tag|>print(1)', []],
  ['llama3', '{"answer": 42}', '{"answer": 42}', []],
  ['llama3', 'Of {"name": "now", "parameters": {}}', 'Of {"name": "now", "parameters": {}}', []],
  ['llama3', '<|pyth', '<|pyth', []],
  [
    'mistral',
    '[TOOL_CALLS] [{"name": "sum", "arguments": {"a": 1, "b": [2, {"c": "}]"}]}}, {"name": "now", "arguments": {}}]',
    '',
    [SUM, NOW],
  ],
  ['mistral', 'Well. [TOOL_CALLS]now[ARGS]{}[TOOL_CALLS]now[ARGS]{}', 'Well.', [NOW, NOW]],
  ['mistral', '[TOOL_CALLS]now', '[TOOL_CALLS]now', []],
  ['mistral', 'a[0] = [TOOL', 'a[0] = [TOOL', []],
  ['bare', '{"name":"now","arguments":{}}', '', [NOW]],
  ['bare', '{"name":"now","argu', '{"name":"now","argu', []],
];

describe('calls of tools', () => {
  it.each(ANSWERS)('of %s are found in %j', async (format, written, text, calls) => {
    expect(await read(format, written)).toEqual({ text, calls });
  });

  it.each(ANSWERS)('of %s are the same however it was cut: %j', async (format, written, text, calls) => {
    expect(await read(format, ...written)).toEqual({ text, calls });
    for (let cut = 1; cut < written.length; cut++) {
      expect(await read(format, written.slice(0, cut), written.slice(cut))).toEqual({ text, calls });
    }
  });

  it('leave text alone that has none, at once', async () => {
    const events = [];
    for await (const batch of parse('hermes', ['One', ' two', ' three.'])) events.push(...batch);
    expect(events).toMatchObject([{ text: 'One' }, { text: ' two' }, { text: ' three.' }, { type: 'done' }]);
  });

  it('lose no token and no log-probability to what is held back', async () => {
    const written = ['<tool_', 'call>{"name":', '"now"}', '</tool_call>'];
    const { logprobs } = await collect(parse('hermes', written));
    expect(logprobs?.map(({ token }) => token)).toEqual(written);
  });

  it('have ids of their own, in the shape that the template takes back', async () => {
    const two = '<tool_call>{"name":"now"}</tool_call>'.repeat(2);
    const ids = (await collect(parse('hermes', [two]))).toolCalls.map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^call_[0-9a-f]{20}\d$/);
    const [mistral] = (await collect(parse('mistral', ['[TOOL_CALLS]now[ARGS]{}']))).toolCalls;
    expect(mistral?.id).toMatch(/^[0-9a-z]{9}$/);
  });

  it('are one at most when the client wants no more', async () => {
    const two = '<tool_call>{"name":"now"}</tool_call><tool_call>{"name":"then"}</tool_call>';
    expect((await collect(parse('hermes', [two], false))).toolCalls).toMatchObject([{ name: 'now' }]);
  });

  it('pass as they are where the backend tells them itself, and are one at most there, too', async () => {
    async function* native(): AsyncGenerator<GenerationEvent[]> {
      const call = (index: number) => ({ id: `c${index}`, name: 'now', arguments: '{}' });
      yield [0, 1].map(index => ({ type: 'tool_call', index, call: call(index) }));
      yield [DONE];
    }
    const read = async (isParallel: boolean) =>
      collect(parseToolCalls(native(), { format: () => 'native', exchangeId: ID, isParallel }));
    expect((await read(true)).toolCalls).toMatchObject([{ id: 'c0' }, { id: 'c1' }]);
    expect((await read(false)).toolCalls).toMatchObject([{ id: 'c0' }]);
  });

  it('are not looked for where the form is unknown', async () => {
    const written = '<tool_call>{"name":"now"}</tool_call>';
    expect(await read(null, written)).toEqual({ text: written, calls: [] });
    expect(await read('toString', written)).toEqual({ text: written, calls: [] });
  });
});
