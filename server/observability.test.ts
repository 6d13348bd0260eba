// The files that others load: the dashboard knows only metrics that there are, and no metric is forgotten by it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METRICS, type MetricName } from './metrics/catalog.js';
import { type ReadMetrics, readMetrics } from './testing/read-metrics.js';
import { readStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const FOLDER = path.resolve(import.meta.dirname, '../observability');
const KEY = 'a-key-of-the-tests-0123456789';
/** Metrics that no panel shows, each with its reason. */
const NOT_SHOWN: Readonly<Partial<Record<MetricName, string>>> = {};
const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };
/** What Prometheus itself puts on every series. */
const TARGET_LABELS = ['instance', 'job', 'le'];

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly datasource?: unknown;
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: unknown;
  }[];
}

const dashboard = JSON.parse(readFileSync(path.join(FOLDER, 'grafana-dashboard.json'), 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(target => ({ title, ...target })));

/** Of a histogram's own series, the histogram. */
const metricOf = (series: string) => series.replace(/_(?:bucket|sum|count)$/, '');
const seriesIn = (expr: string) => [...expr.matchAll(/\bminivault_\w+/g)].map(([name]) => name);

let app: StartedApp;
let metrics: ReadMetrics;
beforeAll(async () => {
  app = await startApp({ plan: { tokens: 4 }, vault: true, env: { API_KEY: KEY } });
  await app.ready();
  const headers = { authorization: `Bearer ${KEY}` };
  await readStream(`${app.url}/generate`, { body: { prompt: 'hello' }, headers });
  await readStream(`${app.url}/v1/embeddings`, {
    body: { input: 'hello', model: 'all-minilm-l6-v2' },
    headers,
  });
  metrics = await readMetrics(app.url, { headers });
});
afterAll(() => app.close());

describe('the dashboard', () => {
  it('names only metrics that a gateway has', () => {
    const missing = queries.flatMap(({ title, expr }) =>
      seriesIn(expr)
        .filter(series => !metrics.names.includes(metricOf(series)))
        .map(series => `${title}: ${series}`),
    );
    expect(missing).toEqual([]);
    expect(queries.length).toBeGreaterThan(40);
  });

  it('takes of a histogram its series, and of others none of those', () => {
    for (const { expr } of queries) {
      for (const series of seriesIn(expr)) {
        const { type } = METRICS[metricOf(series) as MetricName];
        expect(metricOf(series) !== series, series).toBe(type === 'histogram');
      }
    }
  });

  it('rates what only grows, and nothing else', () => {
    for (const { title, expr } of queries) {
      for (const [, before, series = ''] of expr.matchAll(/(\w*)\(?(minivault_\w+)/g)) {
        const { type } = METRICS[metricOf(series) as MetricName];
        expect(['rate', 'increase'].includes(before ?? ''), `${title}: ${expr}`).toBe(type !== 'gauge');
      }
    }
  });

  it('asks for labels that the metrics have', () => {
    for (const { title, expr } of queries) {
      const labels = seriesIn(expr).flatMap(series => [...METRICS[metricOf(series) as MetricName].labels]);
      const asked = [
        ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/)),
        ...[...expr.matchAll(/[{,](\w+)(?:=~|!~|!=|=)"/g)].map(([, name = '']) => name),
      ];
      for (const label of asked) expect([...labels, ...TARGET_LABELS], `${title}: ${expr}`).toContain(label);
    }
  });

  it('asks for states, codes and lines that there are', () => {
    for (const { title, expr } of queries) {
      for (const [, label = '', values = ''] of expr.matchAll(/[{,](status|line|state)="([^"$]*)"/g)) {
        const known = metrics.samples.map(({ labels }) => labels[label]);
        for (const value of values.split('|')) expect(known, `${title}: ${expr}`).toContain(value);
      }
    }
  });

  it('has legends of labels that the query keeps', () => {
    for (const { title, expr, legendFormat } of queries) {
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/));
        const keepsAll = !expr.includes('sum') && kept.length === 0;
        expect(keepsAll || kept.includes(label), `${title}: ${legendFormat}`).toBe(true);
      }
    }
  });

  it('shows every metric, but for those that are named with a reason', () => {
    const shown = new Set(queries.flatMap(({ expr }) => seriesIn(expr).map(metricOf)));
    const hidden = metrics.names.filter(name => !shown.has(name));
    expect(hidden).toEqual(Object.keys(NOT_SHOWN));
    expect([...metrics.names].sort()).toEqual(Object.keys(METRICS).sort());
  });

  it('has a row for each thing to be watched, one data source to be chosen, and panels that do not overlap', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Traffic', 'Latency', 'Queue', 'Worker', 'Store', 'Limits', 'Gateway']);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
    for (const panel of panels) {
      expect(panel.datasource).toEqual(DATASOURCE);
      for (const target of panel.targets ?? []) expect(target.datasource).toEqual(DATASOURCE);
    }
    const cells = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe('the example of prometheus.yml', () => {
  const text = readFileSync(path.join(FOLDER, 'prometheus.yml'), 'utf8');

  it('scrapes as a gateway with keys wants it', async () => {
    const fieldOf = (name: string) => new RegExp(`^\\s*(?:- )?${name}: *(\\S+)$`, 'm').exec(text)?.[1];
    expect(fieldOf('metrics_path')).toBe('/metrics');
    expect(fieldOf('type')).toBe('Bearer');
    expect(text).toContain("targets: ['localhost:3000']");
    const scrape = (headers: Record<string, string>) =>
      fetch(`${app.url}${fieldOf('metrics_path')}`, { headers });
    expect((await scrape({})).status).toBe(401);
    expect((await scrape({ authorization: `${fieldOf('type')} ${KEY}` })).status).toBe(200);
  });
});
