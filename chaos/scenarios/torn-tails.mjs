// G4: a log that was cut at every byte of its last two lines is opened as a start of the gateway does it, and written on.
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ask } from '../client.mjs';
import { DIALECTS } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { Ledger } from '../ledger.mjs';

const DIST = new URL('../../dist/', import.meta.url);

export const goal = 'G4';
export const title = 'a log cut at every byte of its last two lines, opened and written on';

/** Every byte, or every so many. */
const STEP = { full: 1, short: 23 };

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder }) {
  const { openExchangeLog } = await import(new URL('store/exchange-log.js', DIST).href);
  const { fromLogLine, toLogLine } = await import(new URL('store/log-line.js', DIST).href);
  const { silentLogger } = await import(new URL('log.js', DIST).href);
  const lines = await someLines(path.join(folder, 'gateway'), random);
  const whole = Buffer.concat(lines.map(line => Buffer.from(line)));
  const ends = lines.map((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join('')));
  const [from = 0] = ends.slice(-3, -2);
  const next = { ...fromLogLine(lines[0]), id: 'written-after-the-cut' };
  const nextLine = toLogLine(next);
  const file = path.join(folder, 'log.jsonl');
  /** @type {string[]} */
  const faults = [];
  let tried = 0;
  for (let cut = from; cut <= whole.length; cut += STEP[scale]) {
    tried += 1;
    await writeFile(file, whole.subarray(0, cut));
    await rm(`${file}.torn`, { force: true });
    const log = await openExchangeLog({
      path: file,
      maxBytes: 1e9,
      fsync: 'no',
      logger: silentLogger(),
    });
    await log.append(next);
    await log.close();
    // One that lacks nothing but its newline is whole.
    const kept = ends.findLast(end => end - 1 <= cut) ?? 0;
    const torn = whole.subarray(kept, cut).toString('latin1');
    const found = await readFile(file);
    const expected = Buffer.concat([whole.subarray(0, kept), Buffer.from(nextLine)]);
    if (!found.equals(expected))
      faults.push(`cut at ${cut}: the log is not its whole lines and the next one`);
    const aside = await readFile(`${file}.torn`, 'latin1').catch(() => '');
    if (aside !== (torn === '' ? '' : `${torn}\n`)) faults.push(`cut at ${cut}: the torn bytes are not kept`);
  }
  return { tried, failed: faults.length, faults, figures: { 'bytes of two lines': whole.length - from } };
}

/** Lines that a gateway has written, with characters of several bytes in them. @param {string} folder @param {import('../random.mjs').Random} random */
async function someLines(folder, random) {
  const gateway = await startGateway({ folder, hasVault: false, plan: { tokens: 12 } });
  const url = await gateway.url;
  const ledger = new Ledger(random);
  for (const dialect of DIALECTS.slice(0, 3)) {
    await ask(url, ledger, { dialect, prompt: 'größer 👋 漢字', tokens: 12 });
  }
  await gateway.stop();
  const lines = (await readFile(gateway.logFile, 'utf8')).split('\n').slice(0, -1);
  if (lines.length !== 3) throw new Error(`${lines.length} lines of 3 answers`);
  return lines.map(line => `${line}\n`);
}
