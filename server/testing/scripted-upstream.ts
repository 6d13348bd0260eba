// A server of the OpenAI API that plays a written answer, and a backend that asks it.

import type { ServerResponse } from 'node:http';
import type { Backend } from '../backend/backend.js';
import type { Logger } from '../log.js';
import { silentLogger } from '../log.js';
import { SILENT_RECORDER } from '../metrics/silent-recorder.js';
import { createUpstream, type UpstreamOptions } from '../upstream/upstream.js';
import { type Script, type ScriptedGateway, scriptedGateway } from './scripted-gateway.js';

/** Must never be found in anything that this program writes. */
export const CANARY = 'canary-key-7f3a91';

export interface ScriptedUpstream {
  readonly backend: Backend;
  readonly server: ScriptedGateway;
}

/** Fast retries, and timeouts that no test reaches by accident. Not started: it does not probe by itself. */
export async function scriptedUpstream(
  script: Script,
  options: Partial<UpstreamOptions> = {},
  logger: Logger = silentLogger(),
): Promise<ScriptedUpstream> {
  const server = await scriptedGateway(script);
  return { backend: upstreamAt(`${server.url}/v1`, options, logger), server };
}

export function upstreamAt(
  baseUrl: string,
  { timeouts, ...options }: Partial<UpstreamOptions> = {},
  logger: Logger = silentLogger(),
): Backend {
  return createUpstream({
    baseUrl,
    apiKey: CANARY,
    model: 'gpt-test',
    slots: 8,
    contextLength: 128_000,
    extraFields: [],
    logger,
    recorder: SILENT_RECORDER,
    random: () => 0,
    ...options,
    timeouts: { firstTokenMs: 10_000, tokenGapMs: 10_000, wholeMs: 20_000, backoffMs: 5, ...timeouts },
  });
}

export const chunk = (delta: object, finish: string | null = null): string =>
  record({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
export const usageChunk = (usage: object): string => record({ id: 'c', choices: [], usage });
export const record = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
export const DONE_RECORD = 'data: [DONE]\n\n';

/** The texts as a whole answer. */
export const textStream = (...texts: string[]): string =>
  chunk({ role: 'assistant', content: '' }) +
  texts.map(content => chunk({ content })).join('') +
  chunk({}, 'stop') +
  usageChunk({ prompt_tokens: 5, completion_tokens: texts.length, total_tokens: 5 + texts.length }) +
  DONE_RECORD;

export function openStream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
}

/** Answers with the whole stream at once. */
export const streams =
  (body: string): Script =>
  response => {
    openStream(response).end(body);
  };

/** Answers with an error of the API. */
export const refuses =
  (status: number, error: object = {}, headers: Record<string, string> = {}): Script =>
  response => {
    response
      .writeHead(status, { 'Content-Type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { message: 'no', type: 't', code: null, param: null, ...error } }));
  };
