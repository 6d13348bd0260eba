import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compile } from '../testing/compile.js';
import { MemoryWindows } from './memory-windows.js';

const ALLOWANCE = { limit: 2, windowMs: 1_000 };

/** A million callers of one request each, as a flood of forged addresses is; then the growth of the process's memory. */
const FLOOD = `
const { MemoryWindows } = await import(process.argv[2]);
const allowance = { limit: 30, windowMs: 60_000 };
const flood = (windows, count) => {
  for (let i = 0; i < count; i++) windows.take(\`generation:address:2001:db8:\${i.toString(16)}::/64\`, allowance);
};
// Pages that are free go back to the system by and by.
const settled = async () => {
  const least = { rss: Infinity, heapUsed: Infinity };
  for (let look = 0; look < 20; look++) {
    gc();
    const { rss, heapUsed } = process.memoryUsage();
    least.rss = Math.min(least.rss, rss);
    least.heapUsed = Math.min(least.heapUsed, heapUsed);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return least;
};
flood(new MemoryWindows(), 200_000);
const before = await settled();
const windows = new MemoryWindows();
flood(windows, 1_000_000);
const after = await settled();
console.log(JSON.stringify({
  buckets: windows.size,
  rss: after.rss - before.rss,
  heapUsed: after.heapUsed - before.heapUsed,
}));
`;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('windows in memory', () => {
  it('are one a caller', () => {
    const windows = new MemoryWindows();
    expect([1, 2, 3].map(() => windows.take('a', ALLOWANCE).isAdmitted)).toEqual([true, true, false]);
    expect(windows.take('b', ALLOWANCE).remaining).toBe(1);
  });

  it('count what was let in elsewhere', () => {
    const windows = new MemoryWindows();
    windows.note('a', ALLOWANCE);
    expect(windows.take('a', ALLOWANCE)).toMatchObject({ isAdmitted: true, remaining: 0 });
  });

  it('drop the one that was used least recently beyond a number', () => {
    const windows = new MemoryWindows({ maxBuckets: 3 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) windows.take(key, ALLOWANCE);
    expect(windows.size).toBe(3);
    expect(windows.look('a', ALLOWANCE).remaining).toBe(0);
    expect(windows.look('b', ALLOWANCE).remaining).toBe(2);
    expect(windows.look('c', ALLOWANCE).remaining).toBe(1);
  });

  it('do not notice that the system’s time jumps, forth or back', () => {
    const windows = new MemoryWindows();
    const realNow = Date.now;
    const hour = 3_600_000;
    for (const jumpMs of [0, hour, -hour, 10 * hour]) {
      vi.spyOn(Date, 'now').mockImplementation(() => realNow() + jumpMs);
      windows.take('a', { limit: 4, windowMs: hour });
    }
    const { isAdmitted, resetMs } = windows.take('a', { limit: 4, windowMs: hour });
    expect(isAdmitted).toBe(false);
    expect(resetMs).toBeGreaterThan(hour - 60_000);
    expect(resetMs).toBeLessThanOrEqual(hour);
  });

  it('of a million callers take less than 20 MB', async () => {
    const compiled = await compile('server/limits/memory-windows.ts');
    try {
      const program = compiled.program('server/limits/memory-windows.ts');
      const script = path.join(path.dirname(program), 'flood.mjs');
      await writeFile(script, FLOOD);
      const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, program]);
      const { buckets, rss, heapUsed } = JSON.parse(stdout) as Record<string, number>;
      expect(buckets).toBe(10_000);
      expect(rss).toBeLessThan(20 * 1024 ** 2);
      // RSS may shrink meanwhile; what is held does not.
      expect(heapUsed).toBeGreaterThan(0);
      expect(heapUsed).toBeLessThan(10 * 1024 ** 2);
    } finally {
      await compiled.remove();
    }
  }, 60_000);
});
