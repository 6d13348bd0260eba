// The walls between the layers, held by reading import statements: who may use whom, and what a folder must never see.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** One uses only lower levels and its own folder; equals are strangers. Names of root files and of folders. */
const LEVELS: readonly (readonly string[])[] = [
  ['error-codes'],
  ['errors', 'domain', 'settings'],
  ['config', 'log', 'metrics', 'tracing', 'backend', 'locks'],
  ['worker', 'store', 'dialects', 'upstream', 'access', 'limits'],
  ['retrieval'],
  ['generation'],
  ['http', 'reference'],
  ['routes'],
  ['app', 'parts', 'admin', 'backends', 'http-server', 'observation', 'unknown-settings'],
  ['main', 'commands'],
];
/** What the level alone would let pass: lower layers and packages. */
const NEVER: Readonly<Record<string, RegExp>> = {
  domain: /./,
  settings: /^(?:errors|domain)$/,
  backend: /^(?:config|log|metrics|express|node:.*)$/,
  worker: /^(?:pg|express|p-queue)$/,
  locks: /^(?:config|log|metrics|express|pg)$/,
  store: /^(?:execa|express)$/,
  access: /^(?:execa|express|pg|kysely|p-queue)$/,
  upstream: /^(?:pg|express|p-queue|execa)$/,
  dialects: /^(?:config|log|metrics|express|node:(?:https?|crypto|fs|perf_hooks).*)$/,
  retrieval: /^(?:worker|dialects|express|pg|kysely)$/,
  generation: /^(?:dialects|express|pg|kysely)$/,
  http: /^(?:worker|retrieval|generation|execa|p-queue|split2|pg|kysely)$/,
  reference: /^(?:config|log|metrics|worker|store|generation|express|node:.*)$/,
  routes: /^(?:p-queue|execa|split2|pg|kysely)$/,
};
const MAX_LINES = 300;
const BANNED_NAMES = /^(?:utils?|helpers?|common|misc|shared|types)\./;
const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?\bfrom\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

const ROOT = path.resolve(import.meta.dirname, '..');

function filesUnder(folder: string, pattern: RegExp): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map(name => path.join(folder, name))
    .filter(file => pattern.test(file) && !file.includes('__pycache__'));
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** `server/worker/client.ts` is of `worker`, `server/main.ts` of `main`. */
function layerOf(file: string): string {
  const [, folder = ''] = file.split(path.sep);
  return folder.replace(/\.[jt]s$/, '');
}

function levelOf(layer: string): number {
  return LEVELS.findIndex(names => names.includes(layer));
}

/** What one import of a file breaks, null when it breaks nothing. */
function findBreach(file: string, imported: string): string | null {
  const from = layerOf(file);
  const isLocal = imported.startsWith('.');
  const target = isLocal ? path.join(path.dirname(file), imported) : imported;
  const to = isLocal ? layerOf(target) : imported.replace(/^(@[^/]+\/[^/]+|[^/]+).*$/, '$1');
  const isInside = isLocal && path.dirname(target) === path.dirname(file);
  if (from !== to && NEVER[from]?.test(to)) return `${file}: ${from} must never see ${to}`;
  if (!isLocal || from === to) return null;
  if (levelOf(to) < levelOf(from) || (isInside && levelOf(to) === levelOf(from))) return null;
  return `${file}: ${from} must not use ${to}`;
}

const sources = filesUnder('server', /(?<!\.test)\.ts$/).filter(
  file => !file.startsWith(path.join('server', 'testing')),
);

describe('layers', () => {
  it('have a level each', () => {
    expect([...new Set(sources.map(layerOf))].filter(layer => levelOf(layer) === -1)).toEqual([]);
  });

  it('import only what is below them, types too', () => {
    const breaches = sources.flatMap(file =>
      [...read(file).matchAll(IMPORT)].map(([, a, b, c]) => findBreach(file, a ?? b ?? c ?? '')),
    );
    expect(breaches.filter(breach => breach !== null)).toEqual([]);
    expect(breaches.length).toBeGreaterThan(sources.length);
  });

  it('would be missed if they broke', () => {
    const broken: [string, string][] = [
      ['server/generation/generate.ts', 'express'],
      ['server/generation/generate.ts', '../dialects/dialect.js'],
      ['server/dialects/simple-ndjson.ts', '../log.js'],
      ['server/dialects/simple-ndjson.ts', 'node:http'],
      ['server/worker/client.ts', '../store/exchange-log.js'],
      ['server/store/exchange-log.ts', 'execa'],
      ['server/http/send.ts', '../generation/generate.js'],
      ['server/routes/health.ts', 'p-queue'],
      ['server/config.ts', './main.js'],
      ['server/domain/generation.ts', 'zod'],
    ];
    expect(broken.filter(([file, imported]) => findBreach(file, imported) === null)).toEqual([]);
  });

  it('leave the environment to config.ts, and clock and chance out of the dialects', () => {
    const touching = (pattern: RegExp): string[] => sources.filter(file => pattern.test(read(file)));
    expect(touching(/\bprocess\.env\b/)).toEqual([path.join('server', 'config.ts')]);
    const impure = /\b(?:Date\.now|new Date\(\)|performance\.now|Math\.random|random(?:UUID|Bytes))\b/;
    expect(touching(impure).filter(file => layerOf(file) === 'dialects')).toEqual([]);
  });
});

describe('files', () => {
  const files = ['server', 'python', 'setup', 'bench'].flatMap(folder =>
    filesUnder(folder, /\.(?:ts|mjs|js|py)$/),
  );

  it('are named after nouns of the domain', () => {
    expect(files.filter(file => BANNED_NAMES.test(path.basename(file)))).toEqual([]);
  });

  it(`have ${MAX_LINES} lines at most`, () => {
    expect(files.filter(file => read(file).split('\n').length - 1 > MAX_LINES)).toEqual([]);
  });
});
