// How soon the page shows what a person does while 16 answers are written: `npm run bench:page` prints the figures. The page
// is driven by its own test in a real browser, here for longer and without others on the machine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const TARGET_MS = 200;

/** @typedef {{ count: number, p50Ms: number, p98Ms: number, maxMs: number }} Interactions */

const folder = mkdtempSync(path.join(tmpdir(), 'minivault-page-'));
const results = path.join(folder, 'results.json');
try {
  run('vite', ['build', 'web', '--logLevel', 'warn']);
  run('vitest', ['run', 'web/tests/responsiveness.test.ts']);
  /** @type {Interactions} */
  const found = JSON.parse(readFileSync(results, 'utf8'));
  const { count, p50Ms, p98Ms, maxMs } = found;
  console.log(
    `${count} interactions while 16 answers are written, to the next paint: ` +
      `median ${p50Ms} ms, p98 ${p98Ms} ms, longest ${maxMs} ms (target: p98 under ${TARGET_MS} ms)`,
  );
  process.exitCode = p98Ms < TARGET_MS ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @param {'vite' | 'vitest'} tool
 * @param {readonly string[]} args
 */
function run(tool, args) {
  const script = { vite: 'vite/bin/vite.js', vitest: 'vitest/vitest.mjs' }[tool];
  const { status } = spawnSync(process.execPath, [path.join(ROOT, 'node_modules', script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PAGE_RESULTS: results },
  });
  if (status !== 0) throw new Error(`${tool} ended with ${status}.`);
}
