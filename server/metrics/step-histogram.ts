// A histogram for what happens once a stream and step: as cheap as a comparison where all streams of a step say the same.
import { Histogram, type Registry } from 'prom-client';

export interface StepHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
  readonly registry: Registry;
  /** Of all that is told; asked when the histogram is read. */
  readonly labels: () => Readonly<Record<string, string>>;
  readonly labelNames: readonly string[];
}

/** prom-client hashes the labels of each observation; this has one set of them, which is looked up when it is read. */
export class StepHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  readonly #labels: () => Readonly<Record<string, string>>;
  #sum = 0;
  #last = -1;
  #times = 0;

  constructor({ name, help, buckets, registry, labels, labelNames }: StepHistogramOptions) {
    super({ name, help, buckets: [...buckets], labelNames: [...labelNames], registers: [registry] });
    this.#name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#counts = new Array<number>(buckets.length + 1).fill(0);
    this.#labels = labels;
  }

  /** The streams of one step come one after the other with one value, which is put into its bucket once. */
  add(value: number): void {
    if (value === this.#last) {
      this.#times += 1;
      return;
    }
    this.#settle();
    this.#last = value;
    this.#times = 1;
  }

  #settle(): void {
    if (this.#times === 0) return;
    let bucket = 0;
    while (bucket < this.#bounds.length && this.#last > (this.#bounds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + this.#times;
    this.#sum += this.#last * this.#times;
    this.#times = 0;
  }

  /** What the registry asks for, whatever it writes. */
  async getForPromString() {
    this.#settle();
    const sharedLabels = this.#labels();
    let count = 0;
    const buckets = this.#counts.map((own, at) => {
      count += own;
      const le = this.#bounds[at] ?? '+Inf';
      return { metricName: `${this.#name}_bucket`, labels: { le }, sharedLabels, value: count };
    });
    const values = [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels: {}, sharedLabels, value: this.#sum },
      { metricName: `${this.#name}_count`, labels: {}, sharedLabels, value: count },
    ];
    return { name: this.#name, help: this.#help, type: 'histogram', values: count === 0 ? [] : values };
  }
}
