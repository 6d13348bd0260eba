// The machine a measurement was made on: what it is, and whether anything else runs on it.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of all cores: what an idle system spends on itself, and no more. */
const QUIET_SHARE = 0.08;
const SAMPLE_MS = 2_000;
/** What counts for the speed of a model; the flags of a CPU are a hundred. */
const TELLING_FLAGS =
  /^(?:avx2|fma|avx512(?:f|_vnni|_bf16)|avx_vnni|amx_(?:tile|int8|bf16)|asimddp|i8mm|bf16|sve)$/;

/** @typedef {{ cpu: string, cores: number, flags: string[], memoryGb: number, system: string, node: string }} Machine */

/** @returns {Machine} */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown CPU',
    cores: availableParallelism(),
    flags: cpuFlags().filter(flag => TELLING_FLAGS.test(flag)),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}

function cpuFlags() {
  if (!existsSync('/proc/cpuinfo')) return [];
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return (line?.[1] ?? '').trim().split(/\s+/);
}

/**
 * The type that PyTorch computes fastest in: without instructions for bfloat16 it multiplies matrices in it at a
 * twentieth of float32's speed.
 * @param {readonly string[]} flags
 */
export function fastestType(flags) {
  return flags.some(flag => /bf16$/.test(flag)) ? 'bfloat16' : 'float32';
}

/** @typedef {{ busyShare: number, loadAverage: number }} Noise busyShare: of all cores, now; loadAverage: of the last minute */

/**
 * @param {number} [sampleMs]
 * @returns {Promise<Noise>}
 */
export async function sampleNoise(sampleMs = SAMPLE_MS) {
  const before = cpuTimes();
  await sleep(sampleMs);
  const after = cpuTimes();
  const total = after.total - before.total;
  return {
    busyShare: total === 0 ? 0 : 1 - (after.idle - before.idle) / total,
    loadAverage: loadavg()[0] ?? 0,
  };
}

function cpuTimes() {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, total };
}

/** @param {Noise} noise */
export function isQuiet({ busyShare }) {
  return busyShare <= QUIET_SHARE;
}

/**
 * Why a measurement here and now would mislead; null when it would not.
 * @param {Noise} noise
 */
export function describeNoise(noise) {
  if (isQuiet(noise)) return null;
  const percent = Math.round(noise.busyShare * 100);
  return `other programs keep ${percent} % of this machine busy (load average ${noise.loadAverage.toFixed(2)})`;
}
