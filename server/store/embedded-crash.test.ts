// kill -9 of a process that writes to the embedded database. MINIVAULT_TEST_KILLS=200 makes it a long run.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeStore } from '../testing/temp-store.js';

const PROGRAM = path.resolve(import.meta.dirname, '../testing/fixtures/write-for-ever.mjs');
const KILLS = Number(process.env.MINIVAULT_TEST_KILLS ?? 3);
const ROWS_PER_LIFE = 30;

/** One life: the last number it found at its start, and the last one that was acknowledged to it. */
async function liveAndDie(folder: string, rows: number): Promise<{ found: number; acknowledged: number }> {
  const child = spawn(process.execPath, [PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  await new Promise<void>(resolve => {
    child.once('close', () => resolve());
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.split('\n').length > rows + 1) child.kill('SIGKILL');
    });
  });
  const [opened = '', ...numbers] = said.split('\n').slice(0, -1);
  const found = Number(opened.replace('opened ', ''));
  return { found, acknowledged: Number(numbers.at(-1) ?? found) };
}

it(
  `loses nothing that was acknowledged in ${KILLS} kill -9, and is opened each time`,
  async () => {
    const { folder, remove } = await makeStore('pglite');
    onTestFinished(remove);
    let acknowledged = 0;
    for (let n = 0; n < KILLS; n++) {
      const life = await liveAndDie(folder, 1 + Math.floor(Math.random() * ROWS_PER_LIFE));
      expect(life.found).toBeGreaterThanOrEqual(acknowledged);
      expect(life.acknowledged).toBeGreaterThan(life.found);
      acknowledged = life.acknowledged;
    }
  },
  60_000 * KILLS,
);

it('is opened, too, where a kill left its postmaster.pid empty', async () => {
  const { folder, remove } = await makeStore('pglite');
  onTestFinished(remove);
  const { acknowledged } = await liveAndDie(folder, 1);
  await writeFile(path.join(folder, 'postmaster.pid'), '');
  expect(await liveAndDie(folder, 1)).toMatchObject({ found: acknowledged });
}, 60_000);
