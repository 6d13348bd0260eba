// How models write the calls of tools into their text, one grammar per form. Pure; knows no stream and no ids.
// hermes: Qwen's and NousResearch's chat templates; llama3: Meta's prompt format of 3.1; mistral: mistral-common's.

export interface WrittenCall {
  readonly name: string;
  /** JSON text of an object. */
  readonly arguments: string;
}

export interface Reading {
  readonly calls: readonly WrittenCall[];
  /** Characters that the calls take up, from the opening on. */
  readonly length: number;
}

export interface CallForm {
  /** Where calls begin, or may begin with what the text ends in; -1 for nowhere. @param isFirst nothing but calls came before */
  opening(text: string, isFirst: boolean): number;
  /** `more`: not whole yet; `broken`: text after all. @param text from the opening on */
  read(text: string, isEnd: boolean): Reading | 'more' | 'broken';
}

const BROKEN = 'broken';
const MORE = 'more';

/** The calls of a whole text of JSON; null when it is none. @param keys what the arguments may stand under */
function toCalls(json: string, keys: readonly string[]): WrittenCall[] | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const calls = (Array.isArray(value) ? value : [value]).map(each => toCall(each, keys));
  return calls.length > 0 && calls.every(call => call !== null) ? calls : null;
}

function toCall(value: unknown, keys: readonly string[]): WrittenCall | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, ...rest } = value as Record<string, unknown>;
  const key = keys.find(each => Object.hasOwn(rest, each));
  const given = key === undefined ? {} : rest[key];
  if (typeof name !== 'string' || name === '' || !isObject(given)) return null;
  return { name, arguments: JSON.stringify(given) };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Length of the object or array that the text begins with; 0 while it is not whole. */
function jsonLength(text: string): number {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return 0;
}

/** First place of the tag, or of its beginning at the very end of the text. */
function tagAt(text: string, tag: string): number {
  const whole = text.indexOf(tag);
  if (whole !== -1) return whole;
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return text.length - length;
  }
  return -1;
}

/** False once the text can no longer become the tag. */
function mayBecome(text: string, tag: string): boolean {
  return tag.startsWith(text.slice(0, tag.length));
}

const HERMES = { open: '<tool_call>', close: '</tool_call>' } as const;
const PYTHON_TAG = '<|python_tag|>';
const MISTRAL = { open: '[TOOL_CALLS]', args: '[ARGS]' } as const;

/** `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, any number, anywhere. A missing last end is forgiven. */
const hermes: CallForm = {
  opening: text => tagAt(text, HERMES.open),
  read: (text, isEnd) => {
    if (text.length < HERMES.open.length) return isEnd ? BROKEN : MORE;
    const close = text.indexOf(HERMES.close);
    if (close === -1 && !isEnd) return MORE;
    const calls = toCalls(text.slice(HERMES.open.length, close === -1 ? undefined : close), ['arguments']);
    if (calls === null) return BROKEN;
    return { calls, length: close === -1 ? text.length : close + HERMES.close.length };
  },
};

/** The answer itself is `{"name": …, "parameters": {…}}`, with `;` or nothing between several, perhaps behind a tag. */
const llama3: CallForm = {
  opening: (text, isFirst) => {
    if (!isFirst) return tagAt(text, PYTHON_TAG);
    const start = text.search(/[^\s;]/);
    if (start === -1) return -1;
    const rest = text.slice(start);
    return rest.startsWith('{') || mayBecome(rest, PYTHON_TAG) ? start : tagAt(text, PYTHON_TAG);
  },
  read: (text, isEnd) => {
    const tagLength = text.startsWith(PYTHON_TAG) ? PYTHON_TAG.length : 0;
    const body = text.slice(tagLength);
    const skipped = /^\s*/.exec(body)?.[0].length ?? 0;
    const first = body[skipped];
    if (tagLength === 0 && first !== '{') return isEnd || !mayBecome(text, PYTHON_TAG) ? BROKEN : MORE;
    if (first !== undefined && first !== '{') return BROKEN;
    const length = jsonLength(body.slice(skipped));
    if (length === 0) return isEnd ? BROKEN : MORE;
    const calls = toCalls(body.slice(skipped, skipped + length), ['parameters', 'arguments']);
    return calls === null ? BROKEN : { calls, length: tagLength + skipped + length };
  },
};

/** `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`, or, since 2025, `[TOOL_CALLS]name[ARGS]{…}` for each. */
const mistral: CallForm = {
  opening: text => tagAt(text, MISTRAL.open),
  read: (text, isEnd) => {
    const lacking = isEnd ? BROKEN : MORE;
    if (text.length < MISTRAL.open.length) return lacking;
    const body = text.slice(MISTRAL.open.length);
    const start = body.search(/\S/);
    if (start === -1) return lacking;
    const name =
      body[start] === '[' || body[start] === '{' ? '' : body.slice(start).split(MISTRAL.args, 1)[0];
    if (name === undefined || (name !== '' && !body.includes(MISTRAL.args))) return lacking;
    const from = name === '' ? start : start + name.length + MISTRAL.args.length;
    const length = jsonLength(body.slice(from));
    if (length === 0) return lacking;
    const json = body.slice(from, from + length);
    const calls =
      name === ''
        ? toCalls(json, ['arguments'])
        : toCalls(`{"name":${JSON.stringify(name.trim())},"arguments":${json}}`, ['arguments']);
    return calls === null ? BROKEN : { calls, length: MISTRAL.open.length + from + length };
  },
};

/** A constrained answer: one bare object and nothing else. */
const bare: CallForm = {
  opening: (text, isFirst) => (isFirst ? text.search(/\S/) : -1),
  read: llama3.read,
};

/** By the worker's `tool_format`; `bare` is that of an answer constrained to a call. */
const FORMS: Readonly<Record<string, CallForm>> = { hermes, llama3, mistral, bare };

export function callFormOf(name: string): CallForm | null {
  return Object.hasOwn(FORMS, name) ? (FORMS[name] ?? null) : null;
}
