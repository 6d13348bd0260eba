// The README is true: its commands run, its tables are the code's. `npm run docs` writes the tables anew.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSection } from '../bench/readme-section.mjs';
import { describeConfig } from './config.js';
import { ERRORS } from './errors.js';
import { describeMetrics } from './metrics/catalog.js';
import { type StartedApp, startApp } from './testing/start-app.js';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');
const README = path.join(REPOSITORY_DIR, 'README.md');
const SECTIONS = {
  settings: [
    '| setting | default | what it is |',
    '|---|---|---|',
    ...describeConfig().map(
      ({ name, fallback, about }) =>
        `| \`${name}\` | ${fallback === '' ? '–' : `\`${fallback}\``} | ${about} |`,
    ),
  ].join('\n'),
  errors: [
    '| code | status | what it means | again? |',
    '|---|---|---|---|',
    ...Object.entries(ERRORS).map(
      ([code, { status, about, retryable }]) =>
        `| \`${code}\` | ${status} | ${about} | ${retryable ? 'retry' : ''} |`,
    ),
  ].join('\n'),
  metrics: [
    '| metric | labels | what it tells |',
    '|---|---|---|',
    ...describeMetrics().map(
      ({ name, type, labels, help }) =>
        `| \`${name}\` (${type}) | ${labels.map(label => `\`${label}\``).join(', ') || '–'} | ${help} |`,
    ),
  ].join('\n'),
};

if (process.env.MODE === 'docs') {
  for (const [name, text] of Object.entries(SECTIONS)) writeSection(README, name, text);
}
const readme = readFileSync(README, 'utf8');

/** Every line of every `sh` block, without its comment. */
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block = '']) => block.split('\n'))
  .map(line => line.replace(/\s+# .*$/, '').trim())
  .filter(line => line !== '');
const isNpm = (command: string) => command.startsWith('npm ');

describe('the README', () => {
  it.each(Object.entries(SECTIONS))('has the code’s own table of %s (npm run docs)', (name, text) => {
    expect(readme).toContain(`<!-- ${name} -->\n\n${text}\n\n<!-- /${name} -->`);
  });

  it('leads with each link to a heading or a file that is there', () => {
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\d\s_-]/gu, '')
        .replaceAll(' ', '-'),
    );
    const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const lost = links.filter(target =>
      target.startsWith('#')
        ? !headings.includes(target.slice(1))
        : !/^https?:/.test(target) && !existsSync(path.join(REPOSITORY_DIR, target)),
    );
    expect(links.length).toBeGreaterThan(50);
    expect(lost).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(REPOSITORY_DIR, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w:]+)/g)].map(
      ([, script = '']) => script,
    );
    expect(named.length).toBeGreaterThan(5);
    for (const script of named) expect(scripts).toHaveProperty([script]);
  });

  describe('against a running server', () => {
    let app: StartedApp;
    beforeAll(async () => {
      app = await startApp({ plan: { tokens: 4 }, vault: true });
      await app.ready();
    });
    afterAll(() => app.close());

    it.each(commands.filter(command => !isNpm(command)))('runs %s', async command => {
      const { port } = new URL(app.url);
      const local = command
        .replaceAll('localhost:3000', `localhost:${port}`)
        .replace(/^curl /, 'curl -sS --fail ');
      const { code, stdout } = await run(local, { PORT: port });
      expect(code).toBe(0);
      expect(stdout.trim()).not.toBe('');
    });
  });
});

function run(command: string, env: Record<string, string>): Promise<{ code: number | null; stdout: string }> {
  return new Promise(resolve => {
    const child = spawn('sh', ['-c', command], {
      cwd: REPOSITORY_DIR,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.on('close', code => resolve({ code, stdout }));
  });
}
