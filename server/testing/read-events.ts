// Server-sent events out of raw text, by the letter of the standard, so that tests do not read with what they write.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export interface ReadEvent {
  readonly event: string;
  /** The last id that was told, as a browser would send it back. */
  readonly id: string;
  readonly data: string;
}

export interface ReadEvents {
  readonly events: readonly ReadEvent[];
  readonly comments: readonly string[];
  /** Every `retry` that was told, in milliseconds. */
  readonly retries: readonly number[];
}

/** What a blank line does not end is dropped, as the standard says. */
export function readEvents(stream: string): ReadEvents {
  const events: ReadEvent[] = [];
  const comments: string[] = [];
  const retries: number[] = [];
  let event = '';
  let id = '';
  let data: string[] = [];
  const lines = stream.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const line of lines.slice(0, -1)) {
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (line === '') {
      if (data.length > 0) events.push({ event: event || 'message', id, data: data.join('\n') });
      event = '';
      data = [];
    } else if (field === '') comments.push(value);
    else if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retries.push(Number(value));
  }
  return { events, comments, retries };
}

/** Every event's data, parsed as JSON; `[DONE]` stays a string. */
export function dataOf(stream: string): unknown[] {
  return readEvents(stream).events.map(({ data }) => (data === '[DONE]' ? data : JSON.parse(data)));
}
