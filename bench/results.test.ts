import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { toPlot } from './plot.mjs';
import { readResults, toFigures, writeResults } from './results.mjs';
import { sampleResults } from './sample-results.mjs';
import { toSection } from './table.mjs';
import { isReached, listTargets } from './targets.mjs';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const section = () => toSection(sampleResults(), 'plot.svg');

describe('results', () => {
  it('come back from their file as they were, what never came included', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'minivault-results-'));
    const file = path.join(folder, 'results.json');
    writeResults(file, sampleResults());
    expect(readResults(file)).toEqual(sampleResults());
    await rm(folder, { recursive: true });
  });

  it('are judged by ratios within the rounds', () => {
    const targets = listTargets(toFigures(sampleResults()));
    const found = (what: string) => targets.find(target => target.what === what) ?? expect.fail(what);
    expect(found('1 client ÷ node-llama-cpp')).toMatchObject({ value: 2, atLeast: 1.5 });
    expect(found('16 clients ÷ node-llama-cpp').value).toBe(4);
    expect(found('16 clients ÷ `transformers serve`').value).toBe(20);
    expect(found('beside a busy process ÷ alone, 1 client').value).toBeCloseTo(0.6);
    expect(found('ready after boot, warm disk').value).toBe(4);
    const verdicts = new Map(targets.map(target => [target.what, isReached(target)]));
    expect(verdicts.get('first token p50, 16 at once')).toBe(true);
    expect(verdicts.get('longest gap while a 1,500-token prompt enters ÷ ordinary gap')).toBe(false);
    expect(verdicts.get('1 client ÷ `transformers serve`')).toBeNull();
  });
});

describe('the section', () => {
  it('has a row for each system, also for one that failed', () => {
    expect(section()).toContain('| minivault | 150 | 600 | 90 |');
    expect(section()).toContain('| node-llama-cpp | 75 | 150 | 45 |');
    expect(section()).toContain('| compiled | – | – | – |');
    expect(section()).toContain('- compiled: not measured: its start took over 150 s.');
  });

  it('says what was slow, short or left out', () => {
    expect(section()).toContain('| 900 ms / over 6 s |');
    expect(section()).toContain('- transformers serve: 1 of 4 answers ended before all tokens were there.');
    expect(section()).toContain('- transformers serve: 1 of 2 rounds.');
  });

  it('says which targets were reached, and by how much', () => {
    expect(section()).toContain('| 1 client ÷ node-llama-cpp | ≥ 1.5 | yes: 2.00 |');
    expect(section()).toContain('| ≤ 4 | **no**: 6.00 |');
    expect(section()).toContain('| 1 client ÷ `transformers serve` | ≥ 5 | not measured |');
  });

  it('warns of a machine that was not quiet', () => {
    expect(section()).not.toContain('not quiet');
    const results = sampleResults();
    results.noise.mostBusyShare = 0.4;
    expect(toSection(results, 'plot.svg')).toContain('kept up to 40 % of it busy');
  });
});

describe('the plot', () => {
  it('draws each system that answered, on a page that is legible in light and dark', () => {
    const plot = toPlot(sampleResults());
    expect(plot.match(/<polyline/g)).toHaveLength(6);
    expect(plot).toContain('prefers-color-scheme:dark');
    expect(plot).toContain('Test &lt;CPU&gt;');
    expect(plot).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the README', () => {
  const results = path.join(REPOSITORY, 'bench', 'results.json');
  it.runIf(existsSync(results))('shows what the last run found, no more and no less', () => {
    const readme = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8');
    const plot = readFileSync(path.join(REPOSITORY, 'bench', 'performance.svg'), 'utf8');
    expect(readme).toContain(toSection(readResults(results), 'bench/performance.svg'));
    expect(plot).toBe(toPlot(readResults(results)));
  });
});
