// OpenAI's client, held to what this gateway may do: one address, no hidden retries, no words on the console, bounded reading.
import OpenAI from 'openai';

const MAX_RECORD_BYTES = 1024 * 1024;
const NEWLINE = 10;
const RETURN = 13;

export interface ClientOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** From the request to the head of its answer. */
  readonly timeoutMs: number;
  /** Of one event of a stream, or of another body; beyond that it is no answer. Default 1 MiB. */
  readonly maxRecordBytes?: number;
}

export function createUpstreamClient({
  baseUrl,
  apiKey,
  timeoutMs,
  maxRecordBytes = MAX_RECORD_BYTES,
}: ClientOptions): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    apiKey,
    adminAPIKey: null,
    // Not what else lies about in the environment.
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: timeoutMs,
    fetch: boundedFetch(maxRecordBytes),
  });
}

/** Never follows a redirect: the key and the prompt go to the address in the settings and to no other. */
const boundedFetch =
  (maxRecordBytes: number): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'manual' });
    if (response.body === null) return response;
    return new Response(response.body.pipeThrough(recordLimit(maxRecordBytes)), {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
    });
  };

export class RecordTooLongError extends Error {
  override readonly name = 'RecordTooLongError';
}

/** Breaks the answer when one record of it, up to an empty line, is too long: the client would gather it without bound. */
function recordLimit(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let recordBytes = 0;
  let last = 0;
  return new TransformStream({
    transform(chunk, controller) {
      for (const byte of chunk) {
        const isEnd = (byte === NEWLINE || byte === RETURN) && (last === NEWLINE || last === byte);
        recordBytes = isEnd ? 0 : recordBytes + 1;
        if (!(byte === RETURN && last === NEWLINE)) last = byte;
      }
      if (recordBytes > maxBytes) {
        controller.error(new RecordTooLongError(`one record has over ${maxBytes} bytes`));
      } else controller.enqueue(chunk);
    },
  });
}
