// Clients of a gateway that counts requests: each test is one of its own, at an address that a proxy in front tells.
import { type ReadStream, readStream } from './read-stream.js';
import type { StartedApp } from './start-app.js';

export const LIMIT = 3;
export const OTHERS = 6;
/** A window that no test outlives. */
export const COUNTING = {
  RATE_LIMIT_ENABLED: 'true',
  RATE_LIMIT_WINDOW_SECONDS: '3600',
  RATE_LIMIT_REQUESTS: String(LIMIT),
  RATE_LIMIT_EMBEDDING_REQUESTS: '2',
  RATE_LIMIT_OTHER_REQUESTS: String(OTHERS),
  RATE_LIMIT_FAILED_LOGINS: '4',
};

let clients = 0;
export function newAddress(): string {
  clients += 1;
  return `198.51.${clients >> 8}.${clients & 255}`;
}

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export function askFrom(
  from: string,
  app: StartedApp,
  route: string,
  { headers = {}, ...rest }: Asked = {},
): Promise<ReadStream> {
  return readStream(app.url + route, { ...rest, headers: { 'X-Forwarded-For': from, ...headers } });
}

export function limitsOf({ headers }: Pick<ReadStream, 'headers'>) {
  return { limit: headers['x-ratelimit-limit'], remaining: headers['x-ratelimit-remaining'] };
}
