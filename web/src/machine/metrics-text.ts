// The text of GET /metrics, as numbers: Prometheus' format, the parts of OpenMetrics that look the same with it. Knows
// no metric.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Upper bounds with how many were at most that, the last one infinite; all samples of the histogram together. */
export interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

const SAMPLE =
  /^([a-zA-Z_:][\w:]*)\s*(?:\{((?:\s*[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"\s*,?)*)\s*\})?\s+(\S+)(?:\s+-?[\d.]+)?(?:\s+#.*)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** Lines that are no samples are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap(line => parseLine(line.trim()) ?? []);
}

function parseLine(line: string): Sample | null {
  if (line === '' || line.startsWith('#')) return null;
  const [, name, labels = '', written = ''] = SAMPLE.exec(line) ?? [];
  const value = parseValue(written);
  if (name === undefined || value === null) return null;
  return { name, labels: parseLabels(labels), value };
}

function parseLabels(text: string): Record<string, string> {
  const entries = [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, unescaped(value)]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (whole, character: string) => ESCAPED[character] ?? whole);
}

/** Null for what is none; `NaN` is one. */
function parseValue(text: string): number | null {
  if (/^[+-]?Inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^NaN$/i.test(text)) return Number.NaN;
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? null : value;
}

/** Of all samples of that name with these labels; null without any. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const wanted = Object.entries(labels);
  const found = samples.filter(
    sample => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}

/** Null without any sample of that histogram. */
export function bucketsOf(samples: readonly Sample[], name: string): Buckets | null {
  const counts = new Map<number, number>();
  for (const sample of samples) {
    const { le } = sample.labels;
    const bound = sample.name === `${name}_bucket` && le !== undefined ? parseValue(le) : null;
    if (bound !== null) counts.set(bound, (counts.get(bound) ?? 0) + sample.value);
  }
  if (counts.size === 0) return null;
  const sorted = [...counts].sort(([a], [b]) => a - b);
  return { bounds: sorted.map(([bound]) => bound), counts: sorted.map(([, count]) => count) };
}

/** What came since `before`; all of `now` when it was counted anew in between. */
export function increaseOf(before: Buckets | null, now: Buckets, isAnew: boolean): Buckets {
  const isSame =
    before !== null &&
    before.bounds.length === now.bounds.length &&
    before.bounds.every((bound, at) => bound === now.bounds[at]) &&
    now.counts.every((count, at) => count >= (before.counts[at] ?? 0));
  if (isAnew || !isSame) return now;
  return { bounds: now.bounds, counts: now.counts.map((count, at) => count - (before.counts[at] ?? 0)) };
}

/** @returns null when no two can be added */
export function addBuckets(all: readonly Buckets[]): Buckets | null {
  const [first, ...rest] = all;
  if (first === undefined) return null;
  if (rest.some(({ bounds }) => bounds.length !== first.bounds.length)) return null;
  const counts = first.counts.map((count, at) =>
    rest.reduce((sum, other) => sum + (other.counts[at] ?? 0), count),
  );
  return { bounds: first.bounds, counts };
}

/**
 * The value that the given share stays under, evenly spread within its bucket as Prometheus' histogram_quantile has it;
 * beyond the last bound that bound. Null when nothing was counted.
 */
export function quantileOf({ bounds, counts }: Buckets, share: number): number | null {
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  const at = counts.findIndex(count => count >= rank);
  const upper = bounds[at] ?? Infinity;
  const lower = at === 0 ? 0 : (bounds[at - 1] ?? 0);
  if (upper === Infinity) return at === 0 ? null : lower;
  const below = at === 0 ? 0 : (counts[at - 1] ?? 0);
  const inside = (counts[at] ?? 0) - below;
  return inside === 0 ? upper : lower + ((upper - lower) * (rank - below)) / inside;
}
