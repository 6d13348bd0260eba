// Go's way of writing a length of time, as Ollama takes it in keep_alive: 300, "5m", "1h30m", -1.
import { z } from 'zod';

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/** Null when it is no duration. A number without a unit counts seconds. */
function parseDuration(text: string): number | null {
  const isNegative = text.startsWith('-');
  const amount = text.replace(/^[+-]/, '');
  if (amount === '') return null;
  const seconds = Number(amount);
  if (Number.isFinite(seconds) && /^[\d.]+$/.test(amount))
    return isNegative ? -seconds * 1_000 : seconds * 1_000;
  let ms = 0;
  let read = 0;
  for (const [part, count = '', unit = ''] of amount.matchAll(PART)) {
    ms += Number(count) * (UNITS_MS[unit] ?? 0);
    read += part.length;
  }
  if (read !== amount.length) return null;
  return isNegative ? -ms : ms;
}

/** Go's longest duration, 292 years. */
const LONGEST_MS = 2 ** 63 / 1e6;

function orForEver(ms: number): number {
  return ms < 0 || ms > LONGEST_MS ? Number.POSITIVE_INFINITY : ms;
}

const WRONG = 'must be seconds, or a duration such as "5m" or "1h30m"';

/** Milliseconds; Infinity, for ever, for a negative one and for one that Go cannot hold. */
export const keepAliveSchema = z.union(
  [
    z.number().transform(seconds => orForEver(seconds * 1_000)),
    z
      .string()
      .max(64)
      .refine(text => parseDuration(text) !== null, { error: WRONG })
      .transform(text => orForEver(parseDuration(text) ?? 0)),
  ],
  { error: WRONG },
);
