// A client for tests that keeps what a careful reader needs to judge a stream: pieces, times and how it ended.
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';

export interface ReadStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came, one entry a chunk that Node handed over. */
  readonly chunks: readonly Buffer[];
  readonly text: string;
  /** False when the connection broke before the end of the body. */
  readonly whole: boolean;
}

export interface OpenStream {
  readonly request: ClientRequest;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Text so far. */
  text(): string;
  /** Resolves when the text so far satisfies the condition; rejects when the stream ends first. */
  seen(condition: (text: string) => boolean): Promise<void>;
  /** Breaks the connection. */
  leave(): void;
  /** Stops taking bytes, or takes them again. */
  pause(): void;
  resume(): void;
  /** Resolves when the stream has ended, whole or not. */
  readonly ended: Promise<ReadStream>;
}

export interface OpenOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Resolves when status and headers have come. */
export function openStream(
  url: string,
  { method = 'POST', headers = {}, body }: OpenOptions = {},
): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent: false,
      headers: { 'Content-Type': 'application/json', ...headers },
    });
    outgoing.on('error', reject);
    outgoing.on('response', response => {
      const chunks: Buffer[] = [];
      const watchers = new Set<() => void>();
      const text = (): string => Buffer.concat(chunks).toString('utf8');
      const notify = (): void => {
        for (const watcher of [...watchers]) watcher();
      };
      let isOver = false;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        notify();
      });
      response.on('error', () => {});
      const ended = new Promise<ReadStream>(settle => {
        response.on('close', () => {
          isOver = true;
          notify();
          const { statusCode: status = 0, headers: received } = response;
          settle({ status, headers: received, chunks, text: text(), whole: response.complete });
        });
      });
      resolve({
        request: outgoing,
        status: response.statusCode ?? 0,
        headers: response.headers,
        text,
        seen: condition =>
          new Promise((found, missed) => {
            const watcher = (): void => {
              if (condition(text())) found();
              else if (isOver) missed(new Error(`The stream ended at: ${text().slice(-500)}`));
              else return;
              watchers.delete(watcher);
            };
            watchers.add(watcher);
            watcher();
          }),
        leave: () => {
          outgoing.destroy();
          response.destroy();
        },
        pause: () => response.pause(),
        resume: () => response.resume(),
        ended,
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Reads an answer to its end. */
export async function readStream(url: string, options?: OpenOptions): Promise<ReadStream> {
  return (await openStream(url, options)).ended;
}

/** One parsed object a line; throws on a torn line. */
export function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

/** The answer's text, as a client that only looks at `response` sees it. */
export function answerOf(text: string): string {
  return parseLines(text)
    .map(line => line.response)
    .join('');
}
