import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleExchange } from '../testing/sample-exchange.js';
import { sampleSource } from '../testing/sample-grounding.js';
import { fromLogLine, toLogLine } from './log-line.js';

const anyText = fc.string({ unit: 'binary' });
const loneSurrogate = fc.constantFrom('\ud800', '\udc00', 'a\ud83d', '\udc4b!');

describe('a line of the log', () => {
  it('begins with timestamp, prompt and response and keeps the order of the exchange', () => {
    expect(Object.keys(JSON.parse(toLogLine(sampleExchange())))).toEqual([
      'timestamp',
      'prompt',
      'response',
      'id',
      'status',
      'reason',
      'error',
      'dialect',
      'caller',
      'model',
      'engine',
      'numerics',
      'input',
      'grounding',
      'replay_of',
      'chat_id',
      'parameters',
      'usage',
      'timings',
      'request_id',
    ]);
  });

  it('names everything in snake_case', () => {
    expect(JSON.parse(toLogLine(sampleExchange()))).toMatchObject({
      parameters: {
        max_tokens: 300,
        temperature: 0.2,
        top_p: 0.9,
        top_k: 50,
        min_p: 0,
        repetition_penalty: 1,
        presence_penalty: 0,
        frequency_penalty: 0,
        seed: 7,
        stop: ['\n\n'],
        logprobs: null,
      },
      usage: { prompt_tokens: 31, cached_tokens: 0, completion_tokens: 42 },
      timings: { queue_ms: 0.4, prefill_ms: 61.5, decode_ms: 1400.25 },
      request_id: 'request-1',
    });
    expect(toLogLine(sampleExchange())).not.toMatch(/"[a-z]+[A-Z]\w*":/);
  });

  it('reads back as the same exchange, whatever the texts', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (prompt, response, content) => {
        const exchange = sampleExchange({
          prompt,
          response,
          input: {
            messages: [
              { role: 'system', content },
              { role: 'assistant', content, toolCalls: [{ id: 'call_1', name: 'look', arguments: '{}' }] },
              { role: 'tool', content: response, toolCallId: 'call_1', name: 'look' },
              { role: 'user', content: prompt },
            ],
            tools: [{ name: 'look', description: content, parameters: { type: 'object' } }],
            continueFinal: true,
            contextIds: [1, 2],
          },
        });
        expect(fromLogLine(toLogLine(exchange))).toEqual(exchange);
      }),
    );
  });

  it('reads back what an answer rests on, without its text, and that an older one rests on nothing', () => {
    const { documentId, position, startOffset, endOffset, score } = sampleSource();
    const grounding = {
      threshold: 0.7,
      sources: [{ documentId, position, startOffset, endOffset, score }],
      omitted: 2,
      notice: 'Some did not fit.',
    };
    const line = toLogLine(sampleExchange({ grounding }));
    expect(JSON.parse(line).grounding.sources).toEqual([
      { document_id: documentId, position: 2, start_offset: 40, end_offset: 57, score: 0.8125 },
    ]);
    expect(fromLogLine(line).grounding).toEqual(grounding);
    const { grounding: _, ...older } = JSON.parse(line);
    expect(fromLogLine(JSON.stringify(older)).grounding).toBeNull();
  });

  it('reads back a failed exchange that never began', () => {
    const exchange = sampleExchange({
      status: 'failed',
      reason: null,
      error: { code: 'worker_crashed', message: 'The worker died.' },
      caller: 'alice',
      usage: null,
      timings: null,
    });
    expect(fromLogLine(toLogLine(exchange))).toEqual(exchange);
  });

  it('is one line of well-formed UTF-8, also with line breaks and lone surrogates in the text', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, loneSurrogate), text => {
        const exchange = sampleExchange({ prompt: text, response: `${text}\n\r\n\u2028` });
        const line = toLogLine(exchange);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const bytes = Buffer.from(line);
        expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toBe(line);
        expect(fromLogLine(bytes.toString())).toEqual(exchange);
      }),
    );
  });

  it('may carry fields of a newer version', () => {
    const line = { ...JSON.parse(toLogLine(sampleExchange())), receipt: 'sha256:00' };
    expect(fromLogLine(JSON.stringify(line))).toEqual(sampleExchange());
  });

  it.each(['', '{', 'null', '[]', '{}', '{"timestamp":"yesterday","prompt":"a","response":"b"}'])(
    'is refused when it is %j',
    line => {
      expect(() => fromLogLine(line)).toThrow();
    },
  );
});
