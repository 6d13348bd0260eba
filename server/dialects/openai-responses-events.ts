// How a response comes about: the events of a generation in, the events of OpenAI's stream out, the whole at any time.
// https://platform.openai.com/docs/api-reference/responses-streaming
import { z } from 'zod';
import type { GenerationEvent, Message, TokenLogprob, ToolCall, Usage } from '../domain/generation.js';
import type { GroundingReport } from '../domain/grounding.js';
import { GrowingText } from '../domain/growing-text.js';
import type { AppError } from '../errors.js';
import type { StreamEncoder } from './dialect.js';
import { toChatLogprobs } from './openai-answer.js';
import {
  logprobSchema,
  type OutputItem,
  outputItemSchema,
  outputTextSchema,
  type ResponseAnswer,
  type ResponseContext,
  type ResponseStatus,
  responseAnswer,
  responseAnswerSchema,
} from './openai-responses.js';
import { SSE_CONTENT_TYPE, SSE_PING, sseEvent } from './sse-frame.js';

const number = z.int().min(0);
const ofItem = { item_id: z.string(), output_index: number };
const ofPart = { ...ofItem, content_index: number };
const event = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.object({ type: z.literal(type), ...shape, sequence_number: number });
const ofResponse = <Type extends string>(type: Type) => event(type, { response: responseAnswerSchema });

/** The data of each event; the event's name is its `type`. */
export const responseChunkSchema = z.discriminatedUnion('type', [
  ofResponse('response.created'),
  ofResponse('response.queued'),
  ofResponse('response.in_progress'),
  event('response.output_item.added', { output_index: number, item: outputItemSchema }),
  event('response.content_part.added', { ...ofPart, part: outputTextSchema }),
  event('response.output_text.delta', { ...ofPart, delta: z.string(), logprobs: z.array(logprobSchema) }),
  event('response.output_text.done', { ...ofPart, text: z.string(), logprobs: z.array(logprobSchema) }),
  event('response.content_part.done', { ...ofPart, part: outputTextSchema }),
  event('response.function_call_arguments.delta', { ...ofItem, delta: z.string() }),
  event('response.function_call_arguments.done', { ...ofItem, name: z.string(), arguments: z.string() }),
  event('response.output_item.done', { output_index: number, item: outputItemSchema }),
  ofResponse('response.completed'),
  ofResponse('response.incomplete').describe('Also the last event of one that was cancelled.'),
  ofResponse('response.failed'),
]);

type Chunk = z.output<typeof responseChunkSchema>;
/** Without its number. */
type Unnumbered<Each = Chunk> = Each extends Chunk ? Omit<Each, 'sequence_number'> : never;
type Logprobs = z.output<typeof logprobSchema>[];

/** An event of the stream as it is sent, and sent again. */
export interface ResponseFrame {
  readonly type: string;
  readonly number: number;
  readonly text: string;
}

const LAST = new Set<string>(['response.completed', 'response.incomplete', 'response.failed']);
const END_STATUS = { stop: 'completed', length: 'incomplete', cancelled: 'cancelled' } as const;

/** Frames are text already. @param fail what becomes of a stream that is cut for a reason of its own */
export function createFrameEncoder(
  fail: (error: AppError) => readonly ResponseFrame[],
): StreamEncoder<ResponseFrame> {
  const join = (frames: readonly ResponseFrame[]): string => frames.map(({ text }) => text).join('');
  return {
    contentType: SSE_CONTENT_TYPE,
    events: join,
    isTerminal: ({ type }) => LAST.has(type),
    heartbeat: () => SSE_PING,
    error: error => join(fail(error)),
  };
}

const toLogprobs = (logprobs: readonly TokenLogprob[] = []): Logprobs => toChatLogprobs(logprobs).content;

/** One per response. Its frames are numbered from 0 without a gap. */
export class ResponseFold {
  readonly #context: ResponseContext;
  readonly #output: OutputItem[] = [];
  #status: ResponseStatus;
  #next = 0;
  #isStarted = false;
  #text = new GrowingText();
  #logprobs: Logprobs = [];
  #isTextOpen = false;
  #usage: Usage | null = null;
  #report: GroundingReport | null = null;
  #error: AppError | null = null;
  #completedAt: Date | null = null;

  constructor(context: ResponseContext) {
    this.#context = context;
    this.#status = context.body.background === true ? 'queued' : 'in_progress';
  }

  get status(): ResponseStatus {
    return this.#status;
  }

  /** What made it fail. */
  get error(): AppError | null {
    return this.#error;
  }

  get isEnded(): boolean {
    return this.#status !== 'queued' && this.#status !== 'in_progress';
  }

  /** The frames before anything has been generated. */
  begin(): ResponseFrame[] {
    const created = this.#frame({ type: 'response.created', response: this.whole() });
    if (this.#status !== 'queued') return [created];
    return [created, this.#frame({ type: 'response.queued', response: this.whole() })];
  }

  push(event: GenerationEvent): ResponseFrame[] {
    switch (event.type) {
      case 'queued':
        return [];
      case 'grounded':
        this.#report = event.report;
        return [];
      case 'started':
        if (this.#isStarted) return [];
        this.#isStarted = true;
        this.#status = 'in_progress';
        return [this.#frame({ type: 'response.in_progress', response: this.whole() })];
      case 'token':
        return event.text === '' && event.logprobs === undefined
          ? []
          : this.#addText(event.text, event.logprobs);
      case 'tool_call':
        return [...this.#closeText('completed'), ...this.#addCall(event.call)];
      case 'done': {
        const status = END_STATUS[event.reason];
        this.#usage = event.usage;
        // An answer of no words is still a message.
        const opened = this.#output.length === 0 && !this.#isTextOpen ? this.#openText() : [];
        return [
          ...opened,
          ...this.#closeText(status === 'completed' ? 'completed' : 'incomplete'),
          this.#end(status),
        ];
      }
    }
  }

  /** Empty when it has ended already. What was written so far stays in the output. */
  fail(error: AppError): ResponseFrame[] {
    if (this.isEnded) return [];
    const isCancelled = error.code === 'cancelled';
    if (!isCancelled) this.#error = error;
    return [...this.#closeText('incomplete'), this.#end(isCancelled ? 'cancelled' : 'failed')];
  }

  whole(): ResponseAnswer {
    return responseAnswer(this.#context, {
      status: this.#status,
      completedAt: this.#completedAt,
      error: this.#error,
      output: this.#isTextOpen ? [...this.#output, this.#message('in_progress')] : this.#output,
      usage: this.#usage,
      grounding: this.#report,
    });
  }

  /** What the answer adds to the conversation. */
  toMessages(): Message[] {
    const toolCalls = this.#output.flatMap((item): ToolCall[] =>
      item.type === 'function_call' ? [{ id: item.call_id, name: item.name, arguments: item.arguments }] : [],
    );
    const texts = this.#output.flatMap(item => (item.type === 'message' ? item.content : []));
    const content = texts.map(({ text }) => text).join('');
    return [{ role: 'assistant', content, ...(toolCalls.length === 0 ? {} : { toolCalls }) }];
  }

  #frame(unnumbered: Unnumbered): ResponseFrame {
    const number = this.#next;
    this.#next += 1;
    const { type } = unnumbered;
    return {
      type,
      number,
      text: sseEvent({ event: type, data: { ...unnumbered, sequence_number: number } }),
    };
  }

  #part(): z.output<typeof outputTextSchema> {
    return { type: 'output_text', text: String(this.#text), annotations: [], logprobs: this.#logprobs };
  }

  #message(status: 'in_progress' | 'completed' | 'incomplete'): OutputItem {
    return { type: 'message', id: this.#itemId('msg'), status, role: 'assistant', content: [this.#part()] };
  }

  #itemId(kind: 'msg' | 'fc'): string {
    return `${kind}_${this.#context.id}_${this.#output.length}`;
  }

  /** Of the text that is being written. */
  #place() {
    return { item_id: this.#itemId('msg'), output_index: this.#output.length, content_index: 0 };
  }

  #openText(): ResponseFrame[] {
    this.#isTextOpen = true;
    this.#text = new GrowingText();
    this.#logprobs = [];
    const item = { ...this.#message('in_progress'), content: [] };
    return [
      this.#frame({ type: 'response.output_item.added', output_index: this.#output.length, item }),
      this.#frame({ type: 'response.content_part.added', ...this.#place(), part: this.#part() }),
    ];
  }

  #addText(delta: string, given?: readonly TokenLogprob[]): ResponseFrame[] {
    const opened = this.#isTextOpen ? [] : this.#openText();
    const logprobs = toLogprobs(given);
    this.#text.append(delta);
    this.#logprobs.push(...logprobs);
    return [
      ...opened,
      this.#frame({ type: 'response.output_text.delta', ...this.#place(), delta, logprobs }),
    ];
  }

  #closeText(status: 'completed' | 'incomplete'): ResponseFrame[] {
    if (!this.#isTextOpen) return [];
    const place = this.#place();
    const item = this.#message(status);
    this.#isTextOpen = false;
    this.#output.push(item);
    const { output_index } = place;
    return [
      this.#frame({
        type: 'response.output_text.done',
        ...place,
        text: String(this.#text),
        logprobs: this.#logprobs,
      }),
      this.#frame({ type: 'response.content_part.done', ...place, part: this.#part() }),
      this.#frame({ type: 'response.output_item.done', output_index, item }),
    ];
  }

  #addCall({ id, name, arguments: text }: ToolCall): ResponseFrame[] {
    const output_index = this.#output.length;
    const item = {
      type: 'function_call',
      id: this.#itemId('fc'),
      call_id: id,
      name,
      arguments: text,
    } as const;
    const place = { item_id: item.id, output_index };
    const begun = { ...item, arguments: '', status: 'in_progress' } as const;
    const whole = { ...item, status: 'completed' } as const;
    this.#output.push(whole);
    return [
      this.#frame({ type: 'response.output_item.added', output_index, item: begun }),
      this.#frame({ type: 'response.function_call_arguments.delta', ...place, delta: text }),
      this.#frame({ type: 'response.function_call_arguments.done', ...place, name, arguments: text }),
      this.#frame({ type: 'response.output_item.done', output_index, item: whole }),
    ];
  }

  #end(status: 'completed' | 'incomplete' | 'cancelled' | 'failed'): ResponseFrame {
    this.#status = status;
    if (status === 'completed') this.#completedAt = this.#context.now();
    const type = status === 'cancelled' ? 'response.incomplete' : (`response.${status}` as const);
    return this.#frame({ type, response: this.whole() });
  }
}
