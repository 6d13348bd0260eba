// The catalog as things that count, in a registry of their own: one for each gateway of a process.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS, type MetricFacts, type MetricName, type NamesOf } from './catalog.js';

export interface Instruments {
  counter(name: NamesOf<'counter'>): Counter;
  gauge(name: NamesOf<'gauge'>): Gauge;
  histogram(name: NamesOf<'histogram'>): Histogram;
}

/** @param isOwn names of those that somebody else has put into the registry */
export function createInstruments(registry: Registry, isOwn: ReadonlySet<MetricName>): Instruments {
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const [name, { type, help, labels, buckets = [] }] of Object.entries<MetricFacts>(METRICS)) {
    if (isOwn.has(name as MetricName)) continue;
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, new Counter(options));
    else if (type === 'gauge') gauges.set(name, new Gauge(options));
    else histograms.set(name, new Histogram({ ...options, buckets: [...buckets] }));
  }
  const of = <Kind>(made: ReadonlyMap<string, Kind>, name: MetricName): Kind => {
    const instrument = made.get(name);
    if (instrument === undefined) throw new Error(`${name} is somebody else's`);
    return instrument;
  };
  return {
    counter: name => of(counters, name),
    gauge: name => of(gauges, name),
    histogram: name => of(histograms, name),
  };
}
