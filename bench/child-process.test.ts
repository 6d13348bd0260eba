import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isRunning } from '../server/testing/processes.js';
import { until } from '../server/testing/until.js';
import { Child } from './child-process.mjs';

const program = (source: string) => ({
  command: process.execPath,
  args: ['-e', source],
  env: process.env,
  cwd: tmpdir(),
});
const DEAF = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;

describe('a program of the benchmark', () => {
  it('leaves nothing behind, even what it started in a group of its own and what is deaf', async () => {
    let started = 0;
    const source = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(DEAF)}], { detached: true, stdio: 'ignore' });
      console.log(child.pid); setInterval(() => {}, 1000);`;
    const child = new Child(program(source), {
      onLine: line => {
        started = Number(line);
      },
    });
    await until(() => started > 0 && isRunning(started));
    await child.stop();
    await until(() => !isRunning(started));
    expect(child.failure).toContain('SIGTERM');
  });

  it('tells why it ended by itself', async () => {
    const child = new Child(program(`console.error('no memory'); process.exit(3)`));
    await child.closed;
    expect(child.failure).toBe('it ended with exit code 3: no memory');
  });

  it('tells that it could not be started', async () => {
    const child = new Child({ ...program(''), command: '/no/such/program' });
    await child.closed;
    expect(child.failure).toContain('ENOENT');
  });

  it.runIf(process.platform === 'linux')('has settled only when it stopped computing', async () => {
    const busy = new Child(program('for (;;);'));
    const idle = new Child(program('setInterval(() => {}, 1000)'));
    try {
      expect(await busy.settles(600)).toBe(false);
      await until(() => (idle.peakBytes() ?? 0) > 0);
      expect(await idle.settles(20_000)).toBe(true);
    } finally {
      await Promise.all([busy.stop(), idle.stop()]);
    }
  });
});
