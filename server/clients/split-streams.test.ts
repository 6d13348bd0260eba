// Networks cut streams where they like: a reader gets the same events wherever the bytes are split.
import { EventSource } from 'eventsource';
import { describe, expect, it } from 'vitest';
import { createJobSseEncoder } from '../dialects/job-sse.js';
import { createSimpleSseEncoder } from '../dialects/simple-sse.js';
import type { ClientEvent, JobEvent } from '../domain/job.js';
import { readEvents } from '../testing/read-events.js';
import { DONE } from '../testing/scripted-generate.js';

const PIECES = ['Grüße', ' 👋🏽', '\u2028"\\', '\r\ndata: x'];
const NAMES = ['message', 'token', 'done', 'replaced'];

const jobEvents: JobEvent[] = [...PIECES.map(text => ({ type: 'token', text }) as const), DONE as JobEvent];
const clientEvents: ClientEvent[] = [
  { type: 'connected' },
  ...jobEvents.map((event, i) => ({ type: 'job', jobId: 'j', seq: i + 1, event }) as const),
  { type: 'replaced' },
];
const chat = createSimpleSseEncoder({ id: 'x', model: 'm', requestId: 'r', createdAt: new Date(0) });
const STREAMS: Readonly<Record<string, string>> = {
  'job-sse': createJobSseEncoder({ model: 'm', requestId: 'r' }).events(clientEvents),
  'simple-sse': chat.events([...PIECES.map(text => ({ type: 'token', text, tokens: 1 }) as const), DONE]),
};

/** What an EventSource makes of a body that comes in these chunks. */
function readChunks(chunks: readonly Uint8Array[]): Promise<{ event: string; data: string }[]> {
  return new Promise(resolve => {
    const heard: { event: string; data: string }[] = [];
    const source = new EventSource('http://localhost/', {
      fetch: async () =>
        new Response(ReadableStream.from(chunks), { headers: { 'Content-Type': 'text/event-stream' } }),
    });
    for (const event of NAMES) source.addEventListener(event, ({ data }) => heard.push({ event, data }));
    source.addEventListener('error', () => {
      source.close();
      resolve(heard);
    });
  });
}

describe.each(Object.keys(STREAMS))('a stream in %s', name => {
  const text = STREAMS[name] ?? '';
  const bytes = new TextEncoder().encode(text);
  const expected = readEvents(text).events.map(({ event, data }) => ({ event, data }));

  it('is read alike wherever it is split', async () => {
    expect(expected.length).toBeGreaterThan(PIECES.length);
    for (let at = 0; at <= bytes.length; at++) {
      expect(await readChunks([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
  });

  it('is read alike byte by byte', async () => {
    expect(await readChunks(Array.from(bytes, byte => Uint8Array.of(byte)))).toEqual(expected);
  });
});
