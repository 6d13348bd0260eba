import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPlaces, type Places } from './places.mjs';
import { runRounds } from './rounds.mjs';
import type { System } from './systems.mjs';

const EFFORT = { clients: [1, 2], busyClients: [], tokens: 3, limitMs: 5_000, firstTokens: 1, rounds: 2 };
/** Answers every load at once. */
const ANSWERING = `
  console.log('{"ready":true}');
  require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
    const { prompts, tokens } = JSON.parse(line);
    console.log(JSON.stringify({ times: prompts.map(() => Array.from({ length: tokens }, (_, i) => 10 * (i + 1))) }));
  });`;

let places: Places;
beforeEach(async () => {
  places = await findPlaces(await mkdtemp(path.join(tmpdir(), 'minivault-rounds-')));
});
afterEach(() => rm(places.scratchDir, { recursive: true, force: true }));

function systemOf(id: string, source: string, more: Partial<System> = {}): System {
  return {
    id,
    name: id,
    dialect: null,
    readyPath: '',
    startLimitMs: 20_000,
    packages: [],
    isReference: false,
    countTokens: true,
    model: () => id,
    program: () => ({ command: process.execPath, args: ['-e', source], cwd: tmpdir(), env: process.env }),
    ...more,
  };
}

const run = (systems: System[], failed = new Map<string, string>()) =>
  runRounds(systems, failed, places, EFFORT, () => {});

describe('rounds', () => {
  it('let all systems take turns, every other round backwards', async () => {
    const said: string[] = [];
    const systems = [systemOf('a', ANSWERING), systemOf('b', ANSWERING)];
    const { systems: measured } = await runRounds(systems, new Map(), places, EFFORT, line =>
      said.push(line),
    );
    const turns = said.filter(line => line.includes('ready after')).map(line => line.slice(0, 5));
    expect(turns).toEqual(['1/2 a', '1/2 b', '2/2 b', '2/2 a']);
    expect(measured[0]?.turns[1]?.loads).toMatchObject([
      { clients: 1, tokensPerSecond: 100, short: 0 },
      { clients: 2, tokensPerSecond: 200, short: 0 },
    ]);
    expect(measured[1]?.unavailable).toBeNull();
  });

  it('go on without a system that is not installed, dies, or never starts', async () => {
    const { systems: measured } = await run(
      [
        systemOf('absent', ANSWERING, { packages: ['node'] }),
        systemOf('dying', `console.error('illegal instruction'); process.exit(4)`),
        systemOf('hanging', 'setInterval(() => {}, 1000)', { startLimitMs: 200 }),
        systemOf('well', ANSWERING),
      ],
      new Map([['node', 'no build for this machine']]),
    );
    expect(measured.map(({ unavailable }) => unavailable)).toEqual([
      'no build for this machine',
      'it ended with exit code 4: illegal instruction',
      'its start took over 0 s',
      null,
    ]);
  });

  it('keep what a system had answered before it died', async () => {
    const mortal = ANSWERING.replace(
      'const { prompts',
      `if (JSON.parse(line).prompts.length === 2) process.exit(5);\n const { prompts`,
    );
    const { systems: measured } = await run([systemOf('mortal', mortal)]);
    expect(measured[0]?.unavailable).toBeNull();
    expect(measured[0]?.turns[0]).toMatchObject({
      fault: expect.stringContaining('exit code 5'),
      loads: [{ clients: 1, tokensPerSecond: 100 }],
    });
  });
});
