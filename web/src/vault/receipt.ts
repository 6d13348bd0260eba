// An exchange as its receipt: every figure by which it can be told apart, and asked again. Pure.
import type { HistoryItem } from '../api/history.js';
import { costOf } from '../chat/cost.js';
import { spellMs, spellNumber, spellTime } from '../ui/figures.js';

export interface ReceiptLine {
  readonly name: string;
  readonly value: string;
  /** A name or number of a machine's, shown as such. */
  readonly isCode?: true;
}

export interface ReceiptPart {
  readonly title: string;
  readonly lines: readonly ReceiptLine[];
}

const code = (name: string, value: string): ReceiptLine => ({ name, value, isCode: true });

/** Empty where it is not known: such lines are left out. */
export function receiptOf(exchange: HistoryItem): readonly ReceiptPart[] {
  const parts = [
    { title: 'Exchange', lines: exchangeLines(exchange) },
    { title: 'Computed by', lines: modelLines(exchange) },
    { title: 'Cost', lines: costLines(exchange) },
    { title: 'Parameters in force', lines: parameterLines(exchange) },
  ];
  return parts.map(({ title, lines }) => ({ title, lines: lines.filter(({ value }) => value !== '') }));
}

function exchangeLines(exchange: HistoryItem): ReceiptLine[] {
  const { id, timestamp, status, reason, error, dialect, caller, request_id: requestId } = exchange;
  return [
    code('Id', id),
    { name: 'Ended', value: spellTime(timestamp) },
    { name: 'Status', value: reason === null || reason === status ? status : `${status}, ${reason}` },
    { name: 'Error', value: error === null ? '' : `${error.code}: ${error.message}` },
    code('Asked in', dialect),
    { name: 'Caller', value: caller ?? '' },
    code('Request', requestId),
  ];
}

function modelLines({ model, engine, numerics }: HistoryItem): ReceiptLine[] {
  return [
    code('Model', model.id),
    code('Digest', model.digest),
    code('Engine', engine),
    code('Numerics', numerics ?? ''),
  ];
}

function costLines(exchange: HistoryItem): ReceiptLine[] {
  const { usage, timings } = exchange;
  const speed = costOf(exchange)?.tokensPerSecond ?? null;
  const lines: ReceiptLine[] = [];
  if (usage !== null) {
    const reused = usage.cached_tokens === 0 ? '' : `, ${spellNumber(usage.cached_tokens)} of them reused`;
    lines.push({ name: 'Prompt', value: `${spellNumber(usage.prompt_tokens)} tokens${reused}` });
    lines.push({ name: 'Answer', value: `${spellNumber(usage.completion_tokens)} tokens` });
  }
  if (timings !== null) {
    lines.push({ name: 'Waited', value: spellMs(timings.queue_ms) });
    lines.push({ name: 'Read the prompt', value: spellMs(timings.prefill_ms) });
    lines.push({ name: 'Wrote', value: spellMs(timings.decode_ms) });
  }
  if (speed !== null) lines.push({ name: 'Speed', value: `${spellNumber(speed)} tokens/s` });
  return lines;
}

function parameterLines({ parameters }: HistoryItem): ReceiptLine[] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return [];
    return [
      code(name.replaceAll('_', ' '), typeof value === 'object' ? JSON.stringify(value) : String(value)),
    ];
  });
}

/** Everything as text, for where the page's own looks do not go along. */
export function receiptText(exchange: HistoryItem): string {
  return receiptOf(exchange)
    .map(({ title, lines }) => [title, ...lines.map(({ name, value }) => `  ${name}: ${value}`)].join('\n'))
    .join('\n\n');
}
