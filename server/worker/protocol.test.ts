import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleRequest } from '../testing/sample-request.js';
import { parseWorkerLine } from './line-parser.js';
import { gatewayMessageSchema, toGenerateMessage, workerMessageSchema } from './protocol.js';

interface Fixture {
  readonly from: 'gateway' | 'worker';
  readonly line: { readonly type: string };
}

const fixtures = readFileSync(path.join(import.meta.dirname, 'protocol.fixtures.jsonl'), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line) as Fixture);
const linesOf = (from: Fixture['from']): Fixture['line'][] =>
  fixtures.filter(fixture => fixture.from === from).map(({ line }) => line);

describe('the fixtures that both languages read', () => {
  it.each(linesOf('worker'))('hold a worker message the gateway understands: $type', line => {
    expect(parseWorkerLine(JSON.stringify(line))).toEqual(line);
  });

  it.each(linesOf('gateway'))('hold a gateway message as the gateway writes it: $type', line => {
    expect(gatewayMessageSchema.parse(line)).toEqual(line);
  });

  it('show every kind of message', () => {
    const kinds = (schema: typeof workerMessageSchema | typeof gatewayMessageSchema): string[] =>
      schema.options.map(option => option.shape.type.value).sort();
    const shown = (from: Fixture['from']): string[] =>
      [...new Set(linesOf(from).map(({ type }) => type))].sort();
    expect(shown('worker')).toEqual(kinds(workerMessageSchema));
    expect(shown('gateway')).toEqual(kinds(gatewayMessageSchema));
  });
});

it('a request becomes a message of the protocol, with all its parameters', () => {
  const chat = toGenerateMessage(sampleRequest('Hi'));
  expect(gatewayMessageSchema.parse(chat)).toEqual(chat);
  expect(chat).toMatchObject({ messages: [{ role: 'user', content: 'Hi' }], sampling: { max_tokens: 300 } });
  const raw = toGenerateMessage(sampleRequest('', { input: { prompt: 'Once' } }));
  expect(gatewayMessageSchema.parse(raw)).toEqual(raw);
  expect(raw).not.toHaveProperty('messages');
});

it('a request that is traced brings the id of its trace, and no more of it', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const trace = { traceId, traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: 'vendor=1' };
  const message = toGenerateMessage(sampleRequest('Hi', { trace }));
  expect(gatewayMessageSchema.parse(message)).toEqual(message);
  expect(message).toMatchObject({ trace: traceId });
  expect(toGenerateMessage(sampleRequest('Hi'))).not.toHaveProperty('trace');
});
