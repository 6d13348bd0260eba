// One line of the worker's stdout -> a protocol message, or why it is none. Knows no stream.
import { type WorkerMessage, workerMessageSchema } from './protocol.js';

/** `bad_ready`: the handshake itself does not fit, so the worker is of another version and never will. */
export type LineFault = 'not_json' | 'not_protocol' | 'bad_ready';

type TokensMessage = Extract<WorkerMessage, { type: 'tokens' }>;

/** Never throws: a stray line must not end the stream of those that follow. */
export function parseWorkerLine(line: string): WorkerMessage | LineFault {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'not_json';
  }
  if (isPlainTokens(value)) return value;
  const parsed = workerMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  return isRecord(value) && value.type === 'ready' ? 'bad_ready' : 'not_protocol';
}

/**
 * The one line that comes per engine step, checked by hand: 1.5 to 2 times the tokens per second of the schema.
 * It accepts a part of what the schema accepts (no log-probabilities) and leaves every refusal to the schema.
 */
function isPlainTokens(value: unknown): value is TokensMessage {
  if (!isRecord(value) || value.type !== 'tokens' || !Array.isArray(value.items)) return false;
  for (const item of value.items) {
    if (!Array.isArray(item) || item.length !== 3) return false;
    if (typeof item[0] !== 'string' || typeof item[1] !== 'string') return false;
    if (!Number.isSafeInteger(item[2]) || item[2] < 0) return false;
  }
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
