// The command as it is called, on the fake engine: no model, no peer, no network.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from './child-process.mjs';
import { readResults } from './results.mjs';

const PLAN = { slots: 16, tokens: 1_000, gap_ms: 2, prefill_ms: 10, context_length: 8_192 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'minivault-bench-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function bench(...words: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'bench.mjs'), ...words], {
      env: {
        ...process.env,
        MINIVAULT_ENGINE: 'fake',
        MINIVAULT_FAKE_PLAN: JSON.stringify(PLAN),
        MINIVAULT_DATA_DIR: folder,
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
    child.on('close', code => resolve({ code, output }));
  });
}

describe('npm run bench', () => {
  it('measures the gateway from its start to its memory, and writes what it found', {
    timeout: 90_000,
  }, async () => {
    const out = path.join(folder, 'out');
    const { code, output } = await bench('--quick', '--force', '--systems', 'minivault', '--out', out);
    expect(code, output).toBe(0);
    const results = readResults(path.join(out, 'results.json'));
    const turn = results.systems[0]?.turns[0];
    expect(turn).toMatchObject({ fault: null, loads: [{ clients: 1 }, { clients: 16 }] });
    expect(turn?.loads.every(load => load.tokensPerSecond > 0)).toBe(true);
    expect(turn?.firstMs).toHaveLength(results.effort.firstTokens);
    expect(turn?.readyMs).toBeGreaterThan(0);
    expect(turn?.chat).toEqual({
      secondTurnRatio: expect.any(Number),
      longPromptGapRatio: expect.any(Number),
    });
    expect(readFileSync(path.join(out, 'performance.md'), 'utf8')).toContain('| minivault |');
    expect(readFileSync(path.join(out, 'performance.svg'), 'utf8')).toContain('<polyline');
  });

  it('refuses a machine on which others are at work', { timeout: 60_000 }, async () => {
    const neighbours = Array.from(
      { length: availableParallelism() },
      () =>
        new Child({
          command: process.execPath,
          args: [path.join(import.meta.dirname, 'busy-core.mjs')],
          cwd: folder,
          env: process.env,
        }),
    );
    try {
      const out = path.join(folder, 'out');
      const { code, output } = await bench('--quick', '--systems', 'minivault', '--out', out);
      expect(code).toBe(1);
      expect(output).toMatch(/other programs keep \d+ % of this machine busy .* or add --force/);
      expect(existsSync(out)).toBe(false);
    } finally {
      await Promise.all(neighbours.map(neighbour => neighbour.stop()));
    }
  });

  it('says what it was asked wrongly in one line', async () => {
    const { code, output } = await bench('--systems', 'gpt');
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toContain('--systems knows no gpt');
  });
});
