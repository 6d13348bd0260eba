// Preloaded into the measured server (node --import): answers SIGUSR2 with its event-loop delay since the last time.
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env.EVENT_LOOP_DELAY_FILE;
if (file === undefined) throw new Error('EVENT_LOOP_DELAY_FILE is not set');
const histogram = monitorEventLoopDelay({ resolution: 1 });
histogram.enable();
process.on('SIGUSR2', () => {
  const toMs = (/** @type {number} */ nanoseconds) => nanoseconds / 1e6;
  const delay = { p50Ms: toMs(histogram.percentile(50)), p99Ms: toMs(histogram.percentile(99)) };
  writeFileSync(`${file}.part`, JSON.stringify(delay));
  renameSync(`${file}.part`, file);
  histogram.reset();
});
