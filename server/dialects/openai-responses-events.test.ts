import { describe, expect, it } from 'vitest';
import type { GenerationEvent, ToolCall } from '../domain/generation.js';
import { AppError } from '../errors.js';
import { parseWith } from '../http/body.js';
import { dataOf } from '../testing/read-events.js';
import { sampleRequest } from '../testing/sample-request.js';
import { type OutputItem, type ResponseAnswer, responseAnswerSchema } from './openai-responses.js';
import { responsesBodySchema } from './openai-responses-body.js';
import {
  createFrameEncoder,
  ResponseFold,
  type ResponseFrame,
  responseChunkSchema,
} from './openai-responses-events.js';

const call: ToolCall = { id: 'call_1', name: 'get_time', arguments: '{"zone":"UTC"}' };
const started: GenerationEvent = { type: 'started', promptTokens: 9, cachedTokens: 4 };
const token = (text: string): GenerationEvent => ({ type: 'token', text, tokens: 1 });
const done = (more: Partial<Extract<GenerationEvent, { type: 'done' }>> = {}): GenerationEvent => ({
  type: 'done',
  reason: 'stop',
  stopSequence: null,
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 3 },
  timings: { queueMs: 0, prefillMs: 1, decodeMs: 2 },
  numerics: 'int8',
  ...more,
});

const foldOf = (more: Record<string, unknown> = {}) =>
  new ResponseFold({
    id: 'x1',
    model: 'm',
    requestId: 'r1',
    createdAt: new Date(1_000),
    now: () => new Date(5_000),
    body: parseWith(responsesBodySchema, { input: 'hello', ...more }),
    sampling: sampleRequest().sampling,
  });
const textOf = (frames: readonly ResponseFrame[]) => frames.map(({ text }) => text).join('');
const chunksOf = (frames: readonly ResponseFrame[]) =>
  dataOf(textOf(frames)).map(data => responseChunkSchema.parse(data));

function run(events: readonly GenerationEvent[], fold = foldOf()): ResponseFrame[] {
  return [...fold.begin(), ...events.flatMap(event => fold.push(event))];
}

/** A response put together from its deltas alone, and then from its last event. */
function read(frames: readonly ResponseFrame[]): {
  readonly deltas: OutputItem[];
  readonly last: ResponseAnswer;
} {
  const items: OutputItem[] = [];
  let last: ResponseAnswer | null = null;
  for (const chunk of chunksOf(frames)) {
    if (chunk.type === 'response.output_item.added') items.push(structuredClone(chunk.item));
    else if (chunk.type === 'response.output_item.done') {
      Object.assign(items[chunk.output_index] ?? {}, { status: chunk.item.status });
    } else if ('response' in chunk) last = chunk.response;
    else {
      const item = items[chunk.output_index];
      if (chunk.type === 'response.content_part.added' && item?.type === 'message')
        item.content.push(chunk.part);
      if (chunk.type === 'response.output_text.delta' && item?.type === 'message') {
        const part = item.content[chunk.content_index];
        if (part) part.text += chunk.delta;
        part?.logprobs.push(...chunk.logprobs);
      }
      if (chunk.type === 'response.function_call_arguments.delta' && item?.type === 'function_call') {
        item.arguments += chunk.delta;
      }
    }
  }
  return { deltas: items, last: responseAnswerSchema.parse(last) };
}

describe('a response stream', () => {
  it('is exactly these bytes around a text', () => {
    const [created, begun, ...rest] = run([started, token('Grüß '), token('dich 👋'), done()]);
    expect(created?.text).toMatch(
      /^event: response\.created\ndata: \{"type":"response\.created","response":\{"id":"resp_x1","object":"response","created_at":1,"completed_at":null,"status":"in_progress",.*\},"sequence_number":0\}\n\n$/,
    );
    expect(begun?.text).toMatch(/^event: response\.in_progress\n.*"sequence_number":1\}\n\n$/);
    const last = rest.pop();
    const place = '"item_id":"msg_x1_0","output_index":0,"content_index":0';
    const part = (text: string) => `{"type":"output_text","text":"${text}","annotations":[],"logprobs":[]}`;
    const item = (status: string, content: string) =>
      `{"type":"message","id":"msg_x1_0","status":"${status}","role":"assistant","content":[${content}]}`;
    const frame = (type: string, fields: string, number: number) =>
      `event: response.${type}\ndata: {"type":"response.${type}",${fields},"sequence_number":${number}}\n\n`;
    const whole = 'Grüß dich 👋';
    expect(textOf(rest)).toBe(
      frame('output_item.added', `"output_index":0,"item":${item('in_progress', '')}`, 2) +
        frame('content_part.added', `${place},"part":${part('')}`, 3) +
        frame('output_text.delta', `${place},"delta":"Grüß ","logprobs":[]`, 4) +
        frame('output_text.delta', `${place},"delta":"dich 👋","logprobs":[]`, 5) +
        frame('output_text.done', `${place},"text":"${whole}","logprobs":[]`, 6) +
        frame('content_part.done', `${place},"part":${part(whole)}`, 7) +
        frame('output_item.done', `"output_index":0,"item":${item('completed', part(whole))}`, 8),
    );
    expect(last?.text).toMatch(/^event: response\.completed\n.*"completed_at":5,"status":"completed".*\n\n$/);
  });

  it('tells a background response that it is queued', () => {
    const fold = foldOf({ background: true });
    expect(chunksOf(fold.begin()).map(({ type }) => type)).toEqual(['response.created', 'response.queued']);
    expect(fold.whole().status).toBe('queued');
    fold.push(started);
    expect(fold.whole().status).toBe('in_progress');
  });

  it('says that it has begun once, also when its worker died and it began anew', () => {
    const types = run([started, started, token('a'), done()]).map(({ type }) => type);
    expect(types.filter(type => type === 'response.in_progress')).toHaveLength(1);
  });

  it('beats with a comment and ends with what the fold makes of its failure', () => {
    const fold = foldOf();
    const encoder = createFrameEncoder(error => fold.fail(error));
    expect(encoder.heartbeat()).toBe(': ping\n\n');
    const text = encoder.error(new AppError('worker_crashed', 'The worker died.')) ?? '';
    expect(text).toMatch(/^event: response\.failed\n/);
    expect(encoder.error(new AppError('internal', 'x'))).toBe('');
  });
});

describe('a response', () => {
  const logprobs = [{ token: 'a', logprob: -0.5, top: [{ token: 'b', logprob: -1 }] }];
  it.each<[string, GenerationEvent[]]>([
    ['of text', [started, token('a'), token('b'), done()]],
    ['without a word', [started, done()]],
    ['of a tool call', [started, { type: 'tool_call', index: 0, call }, done()]],
    [
      'of text, calls and text',
      [
        started,
        token('Let me see.'),
        { type: 'tool_call', index: 0, call },
        { type: 'tool_call', index: 1, call: { ...call, id: 'call_2' } },
        token('There.'),
        done(),
      ],
    ],
    ['with log-probabilities', [started, { type: 'token', text: 'a', tokens: 1, logprobs }, done()]],
    ['that was cut', [started, token('a'), done({ reason: 'length' })]],
    ['that was cancelled', [started, token('a'), done({ reason: 'cancelled' })]],
  ])('%s is the fold of its stream, with numbers that count up', (_, events) => {
    const fold = foldOf();
    const frames = run(events, fold);
    const { deltas, last } = read(frames);
    expect(last).toEqual(responseAnswerSchema.parse(fold.whole()));
    expect(deltas).toEqual(last.output);
    expect(chunksOf(frames).map(chunk => chunk.sequence_number)).toEqual(frames.map((_frame, i) => i));
    expect(frames.map(({ number }) => number)).toEqual(frames.map((_frame, i) => i));
    expect(fold.isEnded).toBe(true);
  });

  it.each<[string, Partial<Extract<GenerationEvent, { type: 'done' }>>, object]>([
    ['response.completed', {}, { status: 'completed', incomplete_details: null, completed_at: 5 }],
    [
      'response.incomplete',
      { reason: 'length' },
      { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, completed_at: null },
    ],
    ['response.incomplete', { reason: 'cancelled' }, { status: 'cancelled', incomplete_details: null }],
  ])('ends in %s after %j', (type, end, expected) => {
    const frames = run([started, token('a'), done(end)]);
    expect(frames.at(-1)?.type).toBe(type);
    expect(read(frames).last).toMatchObject(expected);
  });

  it.each([
    ['worker_crashed', 'server_error'],
    ['context_length_exceeded', 'invalid_prompt'],
  ] as const)('that fails with %s says %s and keeps its text', (code, told) => {
    const fold = foldOf();
    run([started, token('a')], fold);
    expect(fold.fail(new AppError(code, 'No.')).at(-1)?.type).toBe('response.failed');
    expect(fold.whole()).toMatchObject({
      status: 'failed',
      error: { code: told, message: 'No.' },
      output: [{ status: 'incomplete', content: [{ text: 'a' }] }],
      usage: null,
    });
  });

  it('tells the parameters in force, and what it was asked with', () => {
    const tool = { type: 'function', name: 'f', parameters: null };
    const more = { instructions: 'i', metadata: { a: 'b' }, tools: [tool], user: 'u', max_output_tokens: 9 };
    expect(foldOf({ ...more, previous_response_id: 'resp_0', store: false }).whole()).toMatchObject({
      ...more,
      tools: [{ ...tool, description: null, strict: false }],
      previous_response_id: 'resp_0',
      store: false,
      temperature: 0,
      top_p: 1,
    });
  });

  it('becomes a turn of the conversation', () => {
    const fold = foldOf();
    run([started, token('a'), { type: 'tool_call', index: 0, call }, token('b'), done()], fold);
    expect(fold.toMessages()).toEqual([{ role: 'assistant', content: 'ab', toolCalls: [call] }]);
  });
});
