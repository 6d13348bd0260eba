// One answer of a chat: what is known of it, and how the events of a stream change that. Pure.
import type { HistoryItem } from '../../../server/dialects/history-item.js';
import { exchangeIdOf, type Response, type ResponseEvent } from '../api/responses.js';
import { type Cost, costOf } from './cost.js';

/** `waiting` has no place at the model yet; `length` and `cancelled` are cut, and are shown as that. */
export type AnswerStatus = 'waiting' | 'running' | 'completed' | 'length' | 'cancelled' | 'failed';

/** Where an answer found what it rests on. */
export interface Source {
  readonly documentId: string;
  readonly startOffset: number;
  readonly endOffset: number;
  /** Cosine similarity. */
  readonly score: number;
  readonly filename: string | null;
  /** Null in what the vault kept: the document has it. */
  readonly text: string | null;
}

export interface Answer {
  readonly responseId: string | null;
  /** In the log and in the line; null until the gateway has told it. */
  readonly exchangeId: string | null;
  readonly status: AnswerStatus;
  readonly text: string;
  readonly error: string | null;
  readonly sources: readonly Source[];
  /** Why it rests on no documents, or on fewer. */
  readonly notice: string | null;
  readonly cost: Cost | null;
  /** Of the last event that is in here: where a lost stream is taken up again. */
  readonly lastEvent: number | null;
}

export const NEW_ANSWER: Answer = {
  responseId: null,
  exchangeId: null,
  status: 'waiting',
  text: '',
  error: null,
  sources: [],
  notice: null,
  cost: null,
  lastEvent: null,
};

export function isOver({ status }: Answer): boolean {
  return status !== 'waiting' && status !== 'running';
}

/** The answer after one more event of its stream. */
export function withEvent(answer: Answer, event: ResponseEvent): Answer {
  const next = { ...answer, lastEvent: event.sequence_number };
  switch (event.type) {
    case 'response.created':
      return { ...next, responseId: event.response.id, exchangeId: exchangeIdOf(event.response.id) };
    case 'response.in_progress':
      return { ...next, status: 'running', ...groundingOf(event.response) };
    case 'response.output_text.delta':
      return { ...next, status: 'running', text: answer.text + event.delta };
    case 'response.completed':
      return { ...next, status: 'completed', ...groundingOf(event.response) };
    case 'response.incomplete':
      return {
        ...next,
        status: event.response.status === 'cancelled' ? 'cancelled' : 'length',
        ...groundingOf(event.response),
      };
    case 'response.failed':
      return { ...next, status: 'failed', error: event.response.error?.message ?? 'The answer failed.' };
    default:
      return next;
  }
}

function groundingOf({ sources, grounding }: Response): Pick<Answer, 'sources' | 'notice'> {
  return {
    sources: (sources ?? []).map(source => ({
      documentId: source.document_id,
      startOffset: source.start_offset,
      endOffset: source.end_offset,
      score: source.score,
      filename: source.filename,
      text: source.text,
    })),
    notice: grounding?.notice ?? null,
  };
}

const STATUS_OF_REASON: Readonly<Record<string, AnswerStatus>> = {
  stop: 'completed',
  length: 'length',
  cancelled: 'cancelled',
};

/** The answer as the vault keeps it. */
export function fromExchange(exchange: HistoryItem): Answer {
  const { id, response, reason, error, grounding } = exchange;
  return {
    ...NEW_ANSWER,
    exchangeId: id,
    status: error === null ? (STATUS_OF_REASON[reason ?? 'stop'] ?? 'completed') : 'failed',
    text: response,
    error: error?.message ?? null,
    sources: (grounding?.sources ?? []).map(source => ({
      documentId: source.document_id,
      startOffset: source.start_offset,
      endOffset: source.end_offset,
      score: source.score,
      filename: null,
      text: null,
    })),
    notice: grounding?.notice ?? null,
    cost: costOf(exchange),
  };
}
