// Answers that go on without this page: begun in the background, read from any place, ended by name.
import type { z } from 'zod';
import type { responseAnswerSchema } from '../../../server/dialects/openai-responses.js';
import type { responseChunkSchema } from '../../../server/dialects/openai-responses-events.js';
import { ask, readEvents } from './http.js';

export type Response = z.output<typeof responseAnswerSchema>;
export type ResponseEvent = z.output<typeof responseChunkSchema>;

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ResponseRequest {
  readonly chatId: string;
  readonly messages: readonly Message[];
  readonly maxTokens: number | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  /** Whether it is to rest on stored documents. */
  readonly documents: boolean;
}

/** The id of its exchange, in the log and in the line. */
export function exchangeIdOf(responseId: string): string {
  return responseId.replace(/^resp_/, '');
}

export function toResponseId(exchangeId: string): string {
  return `resp_${exchangeId}`;
}

/**
 * Begins an answer that outlives this page, and tells what happens to it. Asked again under the same key it is the same
 * answer. @throws ApiError
 */
export function beginResponse(
  request: ResponseRequest,
  idempotencyKey: string,
  signal: AbortSignal,
): AsyncGenerator<ResponseEvent> {
  const { chatId, messages, maxTokens, temperature, topP, documents } = request;
  return eventsOf('/v1/responses', {
    method: 'POST',
    headers: { 'Idempotency-Key': idempotencyKey },
    body: {
      background: true,
      stream: true,
      chat_id: chatId,
      input: messages.map(({ role, content }) => ({ type: 'message', role, content })),
      ...(maxTokens === null ? {} : { max_output_tokens: maxTokens }),
      ...(temperature === null ? {} : { temperature }),
      ...(topP === null ? {} : { top_p: topP }),
      ...(documents ? { documents: true } : {}),
    },
    signal,
  });
}

/** What happened to it after the event of that number, and what happens next. @throws ApiError response_not_found when it is not kept any more */
export function resumeResponse(
  id: string,
  after: number | null,
  signal: AbortSignal,
): AsyncGenerator<ResponseEvent> {
  return eventsOf(`/v1/responses/${encodeURIComponent(id)}`, {
    query: { stream: 'true', ...(after === null ? {} : { starting_after: after }) },
    signal,
  });
}

/** @throws ApiError */
export function cancelResponse(id: string): Promise<Response> {
  return ask(`/v1/responses/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
}

async function* eventsOf(...[path, asked]: Parameters<typeof readEvents>): AsyncGenerator<ResponseEvent> {
  for await (const { data } of readEvents(path, asked)) {
    if (data !== '[DONE]') yield JSON.parse(data) as ResponseEvent;
  }
}
