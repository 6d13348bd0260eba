import { describe, expect, it } from 'vitest';
import { parseTraceContext } from './trace-context.js';
import { UNTRACED } from './untraced.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traceparent', () => {
  it.each([
    ['01', true],
    ['00', false],
    ['03', true],
  ])('that is well formed is taken, flags %s', (flags, isSampled) => {
    expect(parseTraceContext(`00-${TRACE}-${SPAN}-${flags}`, 'a=1,b=2')).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled,
      traceparent: `00-${TRACE}-${SPAN}-${isSampled ? '01' : '00'}`,
      tracestate: 'a=1,b=2',
    });
  });

  it('of a newer version may say more, of this one not', () => {
    expect(parseTraceContext(`01-${TRACE}-${SPAN}-01-more`, undefined)?.traceId).toBe(TRACE);
    expect(parseTraceContext(`00-${TRACE}-${SPAN}-01-more`, undefined)).toBeNull();
  });

  it.each([
    undefined,
    '',
    TRACE,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01\n`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00_${TRACE}_${SPAN}_01`,
  ])('that is not well formed is none: %j', traceparent => {
    expect(parseTraceContext(traceparent, undefined)).toBeNull();
  });

  it('stays when what came with it is not to be passed on', () => {
    for (const tracestate of [undefined, '', 'ä=1', 'x'.repeat(513), 'a=\n']) {
      expect(parseTraceContext(`00-${TRACE}-${SPAN}-01`, tracestate)?.tracestate).toBeNull();
    }
  });

  it('goes on as it came where nobody traces', () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1' };
    const span = UNTRACED.request('GET', headers, {});
    expect(span.child('queue').context).toMatchObject({ traceId: TRACE, ...headers });
    const wrong = { traceparent: 'x', tracestate: undefined };
    expect(UNTRACED.request('GET', wrong, {}).context).toBeNull();
  });
});
