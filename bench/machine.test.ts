import { describe, expect, it } from 'vitest';
import { describeMachine, describeNoise, fastestType, isQuiet, sampleNoise } from './machine.mjs';

describe('the machine', () => {
  it('is quiet when only the system itself is at work', () => {
    expect(isQuiet({ busyShare: 0.02, loadAverage: 1.5 })).toBe(true);
    expect(describeNoise({ busyShare: 0.02, loadAverage: 1.5 })).toBeNull();
    expect(describeNoise({ busyShare: 0.51, loadAverage: 1.5 })).toBe(
      'other programs keep 51 % of this machine busy (load average 1.50)',
    );
  });

  it('hears what this very process does', async () => {
    const sampling = sampleNoise(50);
    const untilMs = performance.now() + 300;
    while (performance.now() < untilMs);
    const { busyShare } = await sampling;
    expect(busyShare).toBeGreaterThan(0);
    expect(busyShare).toBeLessThanOrEqual(1);
  });

  it('computes in bfloat16 only where the CPU can', () => {
    expect(fastestType(['avx2', 'fma'])).toBe('float32');
    expect(fastestType(['avx2', 'amx_bf16'])).toBe('bfloat16');
    expect(fastestType(['avx512_bf16'])).toBe('bfloat16');
  });

  it('is described by what tells its speed', () => {
    const { cores, memoryGb, node } = describeMachine();
    expect(cores).toBeGreaterThan(0);
    expect(memoryGb).toBeGreaterThan(0);
    expect(node).toBe(process.version);
  });
});
