import { describe, expect, it } from 'vitest';
import { readEvents } from '../testing/read-events.js';
import { SSE_PING, sseComment, sseData, sseEvent } from './sse-frame.js';

describe('an SSE frame', () => {
  it('is one data line and a blank one', () => {
    expect(sseData({ content: 'Grüße' })).toBe('data: {"content":"Grüße"}\n\n');
  });

  it('has its fields in one order, data last', () => {
    expect(sseEvent({ data: 1, retry: 2000, id: 'a:1', event: 'token' })).toBe(
      'event: token\nid: a:1\nretry: 2000\ndata: 1\n\n',
    );
  });

  it('is a comment when it only keeps the stream open', () => {
    expect(SSE_PING).toBe(': ping\n\n');
    const { comments, events } = readEvents(`${SSE_PING}${sseData(1)}`);
    expect({ comments, events }).toEqual({
      comments: ['ping'],
      events: [{ event: 'message', id: '', data: '1' }],
    });
  });

  it.each(['\n', '\r', '\r\n', '\u0085', '\u2028', '\u2029', '\n\ndata: forged\n\n'])(
    'keeps data with %j on its one line and whole',
    text => {
      const frame = sseEvent({ event: 'token', id: 'a:1', data: { text } });
      expect(frame.split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(5);
      const [event, ...others] = readEvents(frame).events;
      expect(others).toEqual([]);
      expect(JSON.parse(event?.data ?? '')).toEqual({ text });
    },
  );

  it.each(['a\nb', 'a\rb', 'a\0b', '\n\ndata: forged'])(
    'is refused with %j as event, id or comment',
    text => {
      expect(() => sseEvent({ event: text, data: 1 })).toThrow(TypeError);
      expect(() => sseEvent({ id: text, data: 1 })).toThrow(TypeError);
      expect(() => sseComment(text)).toThrow(TypeError);
    },
  );

  it.each([-1, 0.5, Number.NaN])('is refused with %d as retry', retry => {
    expect(() => sseEvent({ retry, data: 1 })).toThrow(TypeError);
  });

  it('tells a reader id, name and delay', () => {
    const { events, retries } = readEvents(sseEvent({ event: 'done', id: 'j:9', retry: 2000, data: {} }));
    expect(events).toEqual([{ event: 'done', id: 'j:9', data: '{}' }]);
    expect(retries).toEqual([2000]);
  });
});
