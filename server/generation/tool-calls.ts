// The calls that a model writes into its text become events of their own; all other text passes untouched. The same
// events come out however the text was cut into pieces.
import type { GenerationEvent, GenerationEvents, TokenLogprob } from '../domain/generation.js';
import { type CallForm, callFormOf, type WrittenCall } from './tool-call-forms.js';

export interface CallParsing {
  /** The worker's `tool_format`, or `bare`; asked when the first text has come, since the model may load until then. */
  readonly format: () => string | null;
  /** The call ids are made of it. */
  readonly exchangeId: string;
  /** False hands on the first call of the answer alone. */
  readonly isParallel: boolean;
}

/** White space, and what llama3 puts between calls, is held back: before or behind a call it is no part of the answer. */
const HELD_AT_END = /[\s;]*$/;
const NOTHING_SAID = /^[\s;]*$/;

type Part = string | WrittenCall;

/** Text that came -> what can be said of it by now. */
class CallScanner {
  readonly #form: CallForm;
  #unsaid = '';
  #hasCalls = false;
  #hasText = false;
  /** Of text behind the last call. */
  #hasTextSince = false;

  constructor(form: CallForm) {
    this.#form = form;
  }

  push(text: string): Part[] {
    this.#unsaid += text;
    return this.#scan(false);
  }

  end(): Part[] {
    const parts = this.#scan(true);
    const isBetweenCalls = this.#hasCalls && !this.#hasTextSince;
    if (!(isBetweenCalls && NOTHING_SAID.test(this.#unsaid))) this.#say(this.#unsaid.length, parts);
    return parts;
  }

  #scan(isEnd: boolean): Part[] {
    const parts: Part[] = [];
    for (;;) {
      const opening = this.#form.opening(this.#unsaid, !this.#hasText);
      const reading = opening === -1 ? 'more' : this.#form.read(this.#unsaid.slice(opening), isEnd);
      if (reading === 'broken') {
        this.#say(opening + 1, parts);
        continue;
      }
      const before = opening === -1 ? this.#unsaid : this.#unsaid.slice(0, opening);
      if (reading === 'more') {
        this.#say(HELD_AT_END.exec(before)?.index ?? 0, parts);
        return parts;
      }
      const rest = this.#unsaid.slice(opening + reading.length);
      if (this.#hasTextSince || !NOTHING_SAID.test(before)) this.#say(before.trimEnd().length, parts);
      this.#unsaid = rest;
      this.#hasCalls = true;
      this.#hasTextSince = false;
      parts.push(...reading.calls);
    }
  }

  #say(length: number, parts: Part[]): void {
    if (length === 0) return;
    const text = this.#unsaid.slice(0, length);
    this.#unsaid = this.#unsaid.slice(length);
    const isText = !NOTHING_SAID.test(text);
    this.#hasText ||= isText;
    this.#hasTextSince ||= isText;
    parts.push(text);
  }
}

/** Mistral's templates refuse any id that is not nine letters and digits. */
function toCallId(format: string, exchangeId: string, index: number): string {
  const plain = exchangeId.replaceAll('-', '');
  if (format === 'mistral') return `${plain.slice(-7)}${index.toString(36).padStart(2, '0').slice(-2)}`;
  return `call_${plain.slice(-20)}${index}`;
}

type TokenEvent = Extract<GenerationEvent, { type: 'token' }>;

/** Tokens whose text is held back, until there is text to tell them with. */
class Owed {
  #tokens = 0;
  #logprobs: TokenLogprob[] | null = null;

  add({ tokens, logprobs }: TokenEvent): void {
    this.#tokens += tokens;
    if (logprobs) this.#logprobs = [...(this.#logprobs ?? []), ...logprobs];
  }

  get isEmpty(): boolean {
    return this.#tokens === 0 && this.#logprobs === null;
  }

  pay(text: string): TokenEvent {
    const logprobs = this.#logprobs === null ? {} : { logprobs: this.#logprobs };
    const event: TokenEvent = { type: 'token', text, tokens: this.#tokens, ...logprobs };
    this.#tokens = 0;
    this.#logprobs = null;
    return event;
  }
}

/**
 * Passes everything on, calls as `tool_call` events. What looks like a call and is none stays text; held-back text of
 * a stream that fails is lost to its reader, not to the log.
 */
export async function* parseToolCalls(
  events: GenerationEvents,
  { format, exchangeId, isParallel }: CallParsing,
): AsyncGenerator<readonly GenerationEvent[]> {
  let scanner: CallScanner | null | undefined;
  let formName = '';
  let calls = 0;
  const owed = new Owed();

  const toEvents = (parts: readonly Part[]): GenerationEvent[] =>
    parts.flatMap((part): GenerationEvent[] => {
      if (typeof part === 'string') return [owed.pay(part)];
      const index = calls;
      calls += 1;
      if (!isParallel && index > 0) return [];
      return [{ type: 'tool_call', index, call: { id: toCallId(formName, exchangeId, index), ...part } }];
    });

  for await (const batch of events) {
    const told: GenerationEvent[] = [];
    for (const event of batch) {
      // Of a backend that tells calls as such, and was not asked for one alone.
      if (event.type === 'tool_call' && event.index > 0 && !isParallel) continue;
      if (event.type === 'token') {
        if (scanner === undefined) {
          formName = format() ?? '';
          const form = callFormOf(formName);
          scanner = form && new CallScanner(form);
        }
        if (scanner === null) told.push(event);
        else {
          owed.add(event);
          told.push(...toEvents(scanner.push(event.text)));
        }
      } else {
        if (event.type === 'done') {
          if (scanner) told.push(...toEvents(scanner.end()));
          if (!owed.isEmpty) told.push(owed.pay(''));
        }
        told.push(event);
      }
    }
    if (told.length > 0) yield told;
  }
}
