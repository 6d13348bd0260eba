// What /metrics says, as numbers.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadMetrics {
  readonly text: string;
  readonly samples: readonly Sample[];
  /** Names as `# TYPE` lines tell them. */
  readonly names: readonly string[];
  /** Sum of all samples of that name whose labels include these; 0 without any. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** @throws Error for a line that is none of the format */
export function parseMetrics(text: string): ReadMetrics {
  const lines = text.split('\n').filter(line => line !== '');
  const samples = lines
    .filter(line => !line.startsWith('#'))
    .map((line): Sample => {
      const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
      if (name === undefined) throw new Error(`No sample: ${line}`);
      const entries = [...labels.matchAll(LABEL)].map(([, key, text]) => [key, text]);
      return { name, labels: Object.fromEntries(entries), value: Number(value) };
    });
  return {
    text,
    samples,
    names: lines.flatMap(line => /^# TYPE (\S+) /.exec(line)?.[1] ?? []),
    sum: (name, wanted = {}) =>
      samples
        .filter(sample => sample.name === name)
        .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
        .reduce((sum, { value }) => sum + value, 0),
  };
}

export async function readMetrics(url: string, init: RequestInit = {}): Promise<ReadMetrics> {
  return parseMetrics(await (await fetch(`${url}/metrics`, init)).text());
}
