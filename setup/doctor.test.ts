// The doctor on machines that lack something: fake programs on a PATH that holds nothing else, real sockets, and this
// repository itself with the databases that are here.
import { spawn } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { nameProcess } from './process-identity.mjs';
import { FakeClone, type Rule } from './testing/fake-clone.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const SECRET = 'canary-5f1d9c';
/** What the Python of the environment says of itself and of its packages: the fakes know one answer to both. */
const whole = {
  on: 'python -c',
  say: '{"version":[3,11,7],"executable":"/x","venv":true,"pip":true,"torch":"1+cpu"}\n',
  code: 0,
} as const satisfies Rule;

interface Finding {
  readonly name: string;
  readonly verdict: 'ok' | 'warning' | 'fault';
  readonly text: string;
  readonly remedy: string | null;
}

const clones: FakeClone[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(clones.splice(0).map(clone => clone.dispose()));
  for (const server of servers.splice(0)) server.close();
});

async function cloned(programs?: readonly string[]): Promise<FakeClone> {
  const clone = await FakeClone.create(programs);
  clones.push(clone);
  return clone;
}

function portOf(server: Server): Promise<number> {
  servers.push(server);
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function examine(clone: FakeClone, env: Readonly<Record<string, string>> = {}, rule: Rule = whole) {
  const { code, stdout } = await clone.run({
    script: 'setup/doctor.mjs',
    spawn: { stdio: ['ignore', 'pipe', 'pipe'] },
    env: { PORT: '0', ...env },
    rule,
  });
  return { code, stdout };
}

/** `fault Set-up: not done … → run …` of every finding that is not ok, as a person reads them. */
const complaints = (stdout: string): string[] =>
  [...stdout.matchAll(/^[!✘] (warning|fault) +(.*)\n +→ (.*)$/gm)].map(
    ([, verdict, text, remedy]) => `${verdict} ${text} → ${remedy}`,
  );

describe('npm run doctor', () => {
  it('on a bare machine names what to install, with the remedy, and exits with 1', async () => {
    const clone = await cloned([]);
    const { code, stdout } = await examine(clone);
    expect(code).toBe(1);
    const lines = complaints(stdout);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^fault npm: npm is missing → install it .*apt install npm/),
        expect.stringMatching(
          /^fault Python: no Python found .* → install Python 3\.10 or newer with its venv/,
        ),
        expect.stringMatching(/^warning C\+\+ compiler: none, .* → install one .*apt install g\+\+/),
        expect.stringMatching(/^fault Set-up: not done.*: Node packages, .* → run `npm run setup`$/),
        expect.stringMatching(/^fault Node packages: not installed → run `npm run setup`$/),
        expect.stringMatching(/^fault Model: smollm2-135m-instruct is not converted → run `npm run setup`$/),
      ]),
    );
    expect(stdout).toMatch(/\n\d+ ok, \d+ warnings?, [1-9]\d* faults?\n$/);
    expect(await clone.calls()).toEqual([]);
  });

  it('names a Python that is too old, and one without venv', async () => {
    const clone = await cloned();
    const says = (python: string): Rule => ({ on: 'python3 -c', say: `${python}\n`, code: 0 });
    const old = await examine(
      clone,
      {},
      says('{"version":[3,9,2],"executable":"/old","venv":true,"pip":true}'),
    );
    expect(complaints(old.stdout)).toContainEqual(
      expect.stringMatching(/^fault Python: Python 3\.9\.2 \(\/old\) is too old → install Python 3\.10/),
    );
    const bare = await examine(
      clone,
      {},
      says('{"version":[3,12,1],"executable":"/b","venv":false,"pip":true}'),
    );
    expect(complaints(bare.stdout)).toContainEqual(
      expect.stringMatching(/^fault Python: .* lacks its venv module → install it .*python3\.12-venv/),
    );
  });

  it('finds nothing to mind once all is set up, changes nothing, and exits with 0', async () => {
    const clone = await cloned(['npm', 'python3', 'g++']);
    expect((await clone.run()).code).toBe(0);
    await clone.takeCalls();
    const { code, stdout } = await examine(clone);
    expect(complaints(stdout)).toEqual([]);
    expect(code).toBe(0);
    expect(stdout).toContain('Python packages: 1, as pinned');
    expect(await clone.calls()).toEqual(['npm --version', 'g++ --version']);
  });

  it('says that a set-up is running now', async () => {
    const clone = await cloned();
    await clone.write('.setup/lock.1', JSON.stringify({ ...nameProcess(process.pid), released: false }));
    const { stdout } = await examine(clone);
    expect(complaints(stdout)).toContainEqual(
      expect.stringContaining(`warning Set-up: process ${process.pid} is at it now → `),
    );
    await clone.write('.setup/lock.1', JSON.stringify({ ...nameProcess(process.pid), released: true }));
    expect(complaints((await examine(clone)).stdout)).toContainEqual(
      expect.stringContaining('fault Set-up: not done'),
    );
  });

  it('notices packages that are not those of the lock files', async () => {
    const clone = await cloned();
    await clone.run();
    const lock = {
      packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { optional: true } },
    };
    await clone.write('package-lock.json', JSON.stringify(lock));
    await clone.write('node_modules/a/package.json', '{"version":"1.0.1"}');
    const { code, stdout } = await examine(clone, {}, { ...whole, say: whole.say.replace('1+cpu', '2') });
    expect(code).toBe(1);
    expect(complaints(stdout)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('Node packages: a 1.0.1 instead of 1.0.0 → remove node_modules'),
        expect.stringContaining('Python packages: torch 2 instead of 1 → remove .venv'),
      ]),
    );
  });

  it('notices files that others may read', async () => {
    const clone = await cloned();
    for (const [file, mode] of [
      ['data/keys.json', 0o644],
      ['logs/log.jsonl.1', 0o640],
      ['logs/audit.jsonl', 0o600],
    ] as const) {
      await clone.write(file, '{}');
      await chmod(clone.path(file), mode);
    }
    await mkdir(clone.path('data/vault'), { mode: 0o755 });
    const lines = complaints((await examine(clone)).stdout).filter(line => line.includes('may read'));
    expect(lines).toEqual([
      expect.stringMatching(
        /^warning Data folder: others may read keys\.json, vault → chmod -R go-rwx .*keys\.json .*vault$/,
      ),
      expect.stringMatching(
        /^warning Log folder: others may read log\.jsonl\.1 → chmod -R go-rwx .*log\.jsonl\.1$/,
      ),
    ]);
  });
});

describe('its look at a port', () => {
  const lineOf = (stdout: string): string => /^.*Port: .*$/m.exec(stdout)?.[0] ?? '';

  it('names who has it', async () => {
    const port = await portOf(createServer());
    const { stdout } = await examine(await cloned(), { PORT: String(port) });
    expect(lineOf(stdout)).toMatch(
      new RegExp(`fault .*${port} on 127\\.0\\.0\\.1 is taken by process ${process.pid} \\(`),
    );
  });

  it('does not mind a minivault that runs there', async () => {
    const server = createHttpServer((_req, res) => res.end('{"name":"minivault","version":"9.8.7"}'));
    const port = await portOf(server);
    const { stdout } = await examine(await cloned(), { PORT: String(port) });
    expect(lineOf(stdout)).toContain(`ok       Port: minivault 9.8.7 runs on ${port} on 127.0.0.1`);
  });

  it('minds an address that is not of this machine', async () => {
    const { stdout } = await examine(await cloned(), { HOST: '192.0.2.1', PORT: '3999' });
    expect(lineOf(stdout)).toContain('fault    Port: 3999 on 192.0.2.1 cannot be used (EADDRNOTAVAIL)');
  });
});

/** The doctor of this repository itself. */
function examineHere(
  env: Readonly<Record<string, string>>,
): Promise<{ findings: Finding[]; output: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [path.join(ROOT, 'setup/doctor.mjs'), '--json'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('close', () =>
      resolve({ output, findings: (JSON.parse(output) as { findings: Finding[] }).findings }),
    );
  });
}

describe('its look at services', () => {
  it('tells all that is wrong with the settings, and nothing that is secret', async () => {
    const { findings, output } = await examineHere({
      API_KEY: `${SECRET} with a blank`,
      DATABASE_URL: `postgresql://somebody:${SECRET}@127.0.0.1:1/nowhere`,
      REDIS_URL: `redis://:${SECRET}@127.0.0.1:1`,
      MINIVAULT_SLOTS: 'many',
      MINIVAULT_MODLE: 'x',
    });
    const settings = findings.filter(({ name }) => name === 'Settings');
    expect(settings.map(({ verdict, text }) => `${verdict} ${text}`)).toEqual([
      expect.stringMatching(/^fault API_KEY: /),
      expect.stringMatching(/^fault MINIVAULT_SLOTS="many": /),
      'warning MINIVAULT_MODLE is not a setting; did you mean MINIVAULT_MODEL?',
    ]);
    const of = (name: string) => findings.find(finding => finding.name === name);
    expect(of('Database')).toMatchObject({
      verdict: 'fault',
      text: expect.stringContaining('cannot be reached'),
    });
    expect(of('Redis')).toMatchObject({ verdict: 'warning', text: expect.stringContaining('ECONNREFUSED') });
    for (const { verdict, remedy } of findings) expect(remedy === null).toBe(verdict === 'ok');
    expect(output).not.toContain(SECRET);
  });

  it('asks a PostgreSQL and a Redis that are there', async () => {
    const redis = createServer(socket => {
      socket.on('data', chunk => {
        const isKnown = chunk.toString().includes(`$${SECRET.length}\r\n${SECRET}\r\n`);
        socket.write(
          isKnown ? '+OK\r\n$24\r\nredis_version:7.0.15\r\n\r\n' : '-NOAUTH Authentication required.\r\n',
        );
      });
      socket.on('error', () => {});
    });
    const port = await portOf(redis);
    const url = `postgresql://postgres@127.0.0.1:5432/postgres`;
    const [allowed, refused] = await Promise.all([
      examineHere({ REDIS_URL: `redis://:${SECRET}@127.0.0.1:${port}`, DATABASE_URL: url }),
      examineHere({ REDIS_URL: `redis://127.0.0.1:${port}`, DATABASE_URL: `${url}-not-there` }),
    ]);
    const of = (findings: Finding[], name: string) => findings.find(finding => finding.name === name);
    expect(of(allowed.findings, 'Redis')).toMatchObject({
      verdict: 'ok',
      text: `127.0.0.1:${port}, version 7.0.15`,
    });
    expect(of(refused.findings, 'Redis')).toMatchObject({
      verdict: 'warning',
      text: expect.stringContaining('lets nobody in'),
    });
    expect(of(refused.findings, 'Database')).toMatchObject({ verdict: 'fault' });
    expect(of(allowed.findings, 'Database')?.text).toMatch(/^PostgreSQL at 127\.0\.0\.1:5432/);
  });
});
