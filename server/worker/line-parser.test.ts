import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWorkerLine } from './line-parser.js';
import { workerMessageSchema } from './protocol.js';

describe('parseWorkerLine', () => {
  it.each([
    ['{"type":"tokens","items":[["a","x",NaN]]}', 'not_json'],
    ['{"type":"tokens","items":[["a","x",-Infinity]]}', 'not_json'],
    ['{"type":"tokens","items":[["a","x"', 'not_json'],
    ['Traceback (most recent call last):', 'not_json'],
    ['null', 'not_protocol'],
    ['[1]', 'not_protocol'],
    ['7', 'not_protocol'],
    ['{"type":"nope"}', 'not_protocol'],
    ['{"type":"tokens","items":[["a","x",-1]]}', 'not_protocol'],
    ['{"type":"tokens","items":[["a","x",0.5]]}', 'not_protocol'],
    ['{"type":"tokens","items":[["a","x"]]}', 'not_protocol'],
    ['{"type":"done","id":"a"}', 'not_protocol'],
    ['{"type":"ready","protocol":2,"slots":"many"}', 'bad_ready'],
  ])('says of %s that it is %s', (line, fault) => {
    expect(parseWorkerLine(line)).toBe(fault);
  });

  it('takes a carriage return before the newline', () => {
    expect(parseWorkerLine('{"type":"heartbeat","step":1,"running":0,"rss_bytes":1}\r')).toMatchObject({
      step: 1,
    });
  });

  it('accepts and refuses token lines exactly as the schema does', () => {
    const number = fc.oneof(fc.nat(), fc.constantFrom(-1, 0.5, 2 ** 53, '1', null));
    const text = fc.oneof({ weight: 9, arbitrary: fc.string() }, fc.constant(null));
    const logprob = fc.tuple(
      fc.string(),
      fc.double({ noNaN: true, min: -99, max: 0 }),
      fc.constant([['a', -1]]),
    );
    const item = fc.oneof(
      { weight: 9, arbitrary: fc.tuple(fc.string(), text, number) },
      fc.tuple(fc.string(), text, number, fc.oneof(fc.array(logprob), fc.constant('no'))),
      fc.constantFrom([], {}, null, ['a', 'b', 1, [], 5]),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 4 }), items => {
        const line = JSON.stringify({ type: 'tokens', items });
        const bySchema = workerMessageSchema.safeParse(JSON.parse(line));
        expect(parseWorkerLine(line)).toEqual(bySchema.success ? bySchema.data : 'not_protocol');
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  it('never throws, whatever the line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), line => {
        expect(['string', 'object']).toContain(typeof parseWorkerLine(line));
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
