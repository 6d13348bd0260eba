// What one chunk of a stream of the OpenAI API says, in this gateway's words. Knows neither time nor connection.
import type OpenAI from 'openai';
import type { FinishReason, TokenLogprob, ToolCall, Usage } from '../domain/generation.js';
import { AppError } from '../errors.js';

/** A piece of an answer: either kind of stream comes to this. */
export interface Piece {
  readonly text: string;
  readonly logprobs: readonly TokenLogprob[] | null;
  /** Something was said, though it may be no text of the answer: a thought, or a part of a call. */
  readonly isAlive: boolean;
  readonly calls: readonly CallPart[];
  readonly finish: string | null;
  readonly usage: Usage | null;
}

export interface CallPart {
  readonly index: number;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string;
}

/** Servers fill in what they like: nothing of it is trusted to be there. */
type Loose<T> = { readonly [K in keyof T]?: T[K] | null };

export function fromChatChunk(chunk: OpenAI.Chat.ChatCompletionChunk): Piece {
  const [choice] = chunk.choices ?? [];
  const delta: Loose<OpenAI.Chat.ChatCompletionChunk.Choice.Delta> & Thoughts = choice?.delta ?? {};
  const text = typeof delta.content === 'string' ? delta.content : '';
  const calls = (delta.tool_calls ?? []).map((part, position) => ({
    index: part.index ?? position,
    id: part.id,
    name: part.function?.name,
    arguments: part.function?.arguments ?? '',
  }));
  const logprobs = choice?.logprobs?.content?.map(toLogprob) ?? null;
  return {
    text,
    logprobs,
    isAlive: text !== '' || calls.length > 0 || Boolean(delta.reasoning_content ?? delta.reasoning),
    calls,
    finish: choice?.finish_reason ?? null,
    usage: fromUsage(chunk.usage),
  };
}

/** Not OpenAI's: vLLM and others tell what a model thinks before it answers. */
interface Thoughts {
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
}

export function fromTextChunk(chunk: OpenAI.Completion): Piece {
  const [choice] = chunk.choices ?? [];
  const text = choice?.text ?? '';
  return {
    text,
    logprobs: null,
    isAlive: text !== '',
    calls: [],
    finish: choice?.finish_reason ?? null,
    usage: fromUsage(chunk.usage),
  };
}

function toLogprob({
  token,
  logprob,
  top_logprobs: top,
}: OpenAI.Chat.ChatCompletionTokenLogprob): TokenLogprob {
  return {
    token,
    logprob,
    top: (top ?? []).map(each => ({ token: each.token, logprob: each.logprob })),
  };
}

/** Null where it says nothing that can be added up: then tokens are estimated. */
function fromUsage(usage: OpenAI.CompletionUsage | null | undefined): Usage | null {
  const promptTokens = toCount(usage?.prompt_tokens ?? 0);
  const completionTokens = toCount(usage?.completion_tokens ?? 0);
  if (usage == null || promptTokens === null || completionTokens === null) return null;
  const cachedTokens = toCount(usage.prompt_tokens_details?.cached_tokens) ?? 0;
  return { promptTokens, cachedTokens, completionTokens };
}

/** Another server may say anything; budgets and metrics are sums of whole numbers. Null for what is none. */
export function toCount(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** @throws AppError upstream_error for an answer that its server took back */
export function toReason(finish: string, url: string): Exclude<FinishReason, 'cancelled'> {
  if (finish === 'content_filter' || finish === 'error') {
    throw new AppError('upstream_error', `${url} broke the answer off: "${finish}".`);
  }
  return finish === 'length' ? 'length' : 'stop';
}

/** Longest arguments of one answer's calls, in UTF-16 units. */
const MAX_CALLS_LENGTH = 1024 * 1024;

/** Puts calls together that come in parts; one is whole when the next begins, or the answer ends. */
export class CallAssembly {
  readonly #exchangeId: string;
  #open: { index: number; id: string; name: string; arguments: string } | null = null;
  #length = 0;
  #count = 0;

  constructor(exchangeId: string) {
    this.#exchangeId = exchangeId;
  }

  /** @throws AppError upstream_error when they grow without end */
  add(part: CallPart): ToolCall | null {
    const before = this.#open !== null && this.#open.index !== part.index ? this.end() : null;
    const { index, id, name } = part;
    this.#open ??= { index, id: id || this.#nextId(), name: '', arguments: '' };
    if (name) this.#open.name = name;
    this.#open.arguments += part.arguments;
    this.#length += part.arguments.length;
    if (this.#length > MAX_CALLS_LENGTH) {
      throw new AppError('upstream_error', 'The upstream wrote a call of a tool without end.');
    }
    return before;
  }

  end(): ToolCall | null {
    const call = this.#open;
    this.#open = null;
    if (call === null) return null;
    return { id: call.id, name: call.name, arguments: call.arguments.trim() || '{}' };
  }

  #nextId(): string {
    this.#count += 1;
    return `call_${this.#exchangeId.replaceAll('-', '').slice(-20)}${this.#count}`;
  }
}
