// The two-step chat over HTTP, as its clients use it, for tests.

import { type ReadEvent, readEvents } from './read-events.js';
import { type OpenOptions, type OpenStream, openStream, readStream } from './read-stream.js';

export interface JobStream extends OpenStream {
  events(): readonly ReadEvent[];
  /** Resolves when so many events of that name have come. */
  heard(event: string, count?: number): Promise<void>;
}

/** @param query with its question mark */
export async function openJobStream(
  url: string,
  clientId: string,
  { query = '', headers = {} }: Pick<OpenOptions, 'headers'> & { readonly query?: string } = {},
): Promise<JobStream> {
  const stream = await openStream(`${url}/api/v1/chat/stream/${clientId}${query}`, {
    method: 'GET',
    headers,
  });
  const eventsOf = (text: string): readonly ReadEvent[] => readEvents(text).events;
  return {
    ...stream,
    events: () => eventsOf(stream.text()),
    heard: (name, count = 1) =>
      stream.seen(text => eventsOf(text).filter(({ event }) => event === name).length >= count),
  };
}

export interface Submitted {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export async function submitJob(
  url: string,
  clientId: string,
  prompt: string,
  fields: Record<string, unknown> = {},
): Promise<Submitted> {
  const { status, text } = await readStream(`${url}/api/v1/chat/submit`, {
    body: { prompt, client_id: clientId, ...fields },
  });
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

/** What a reader who obeys `reset` has of the answer. */
export function jobTextOf(events: readonly ReadEvent[]): string {
  return events.reduce((text, { event, data }) => {
    if (event !== 'token' && event !== 'reset') return text;
    const piece = (JSON.parse(data) as { text: string }).text;
    return event === 'reset' ? piece : text + piece;
  }, '');
}
