// `npm run keys` as a process, beside a gateway that runs and without one.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../testing/command-process.js';
import { type GatewayProcess, spawnGateway } from '../testing/gateway-process.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';

const SECRET_LINE = /^mv_[\w-]{43}\n$/;
/** Of the goals: a key is known, or refused, by then, everywhere. */
const KNOWN_WITHIN_MS = 5_000;

let gateway: GatewayProcess | null = null;
afterEach(async () => {
  gateway?.child.kill('SIGKILL');
  await gateway?.exited;
  gateway = null;
});

const keysIn = (dir: string, env: Record<string, string> = {}) => {
  return (...args: string[]) => runCommand('keys', { dir, env, args });
};

async function create(keys: ReturnType<typeof keysIn>, ...args: string[]): Promise<string> {
  const { code, stdout } = await keys('create', ...args);
  expect(code).toBe(0);
  expect(stdout).toMatch(SECRET_LINE);
  return stdout.trim();
}

describe('keys', () => {
  it('are made with all that was asked for; the secret alone is on stdout, and in no file', async () => {
    const dir = await tempFolder();
    const keys = keysIn(dir);
    const root = await create(keys, 'root', '--role', 'admin');
    const made = await keys(
      ...['create', '--name', 'alice', '--scopes', 'generate, history', '--expires', '90d'],
      ...['--requests-per-minute', '20', '--concurrency=2', '--tokens-per-day', '100000'],
    );
    expect(made.stdout).toMatch(SECRET_LINE);
    expect(made.stderr).toContain('Key "alice" (user) is made.');
    const { stdout } = await keys('list', '--json');
    const listed = JSON.parse(stdout) as Record<string, unknown>[];
    expect(listed).toMatchObject([
      { name: 'root', role: 'admin', state: 'active', expires_at: null },
      {
        name: 'alice',
        prefix: made.stdout.slice(0, 10),
        role: 'user',
        scopes: ['generate', 'history'],
        limits: { requests_per_minute: 20, concurrency: 2, tokens_per_day: 100_000 },
      },
    ]);
    const end = Date.parse(String(listed[1]?.expires_at)) - Date.now();
    expect(Math.round(end / 86_400_000)).toBe(90);
    for (const name of ['keys.json', 'audit.jsonl']) {
      const file = path.join(dir, name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const text = await readFile(file, 'utf8');
      for (const secret of [root, made.stdout.trim()]) expect(text).not.toContain(secret);
    }
    const audit = (await readFile(path.join(dir, 'audit.jsonl'), 'utf8')).trim().split('\n');
    expect(audit.map(line => JSON.parse(line))).toMatchObject([
      { event: 'key.created', actor: 'command line', target: 'root', address: null },
      { event: 'key.created', actor: 'command line', target: 'alice' },
    ]);
  });

  it('are listed as a table', async () => {
    const keys = keysIn(await tempFolder());
    const none = await keys('list');
    expect([none.code, none.stdout, none.stderr]).toEqual([
      0,
      '',
      'There are no keys: requests need none.\n',
    ]);
    const secret = await create(keys, 'root', '--role', 'admin');
    await create(keys, 'bob', '--concurrency', '3', '--expires', '2999-01-31');
    expect((await keys('revoke', 'BOB')).stderr).toBe('Key "bob" is revoked.\n');
    const { stdout } = await keys('list');
    const [head = '', root = '', bob = ''] = stdout.split('\n');
    expect(head).toMatch(/^NAME +SECRET +STATE +ROLE +SCOPES +MADE +EXPIRES +LIMITS +ID$/);
    expect(root).toContain(`${secret.slice(0, 10)}…`);
    expect(root).toMatch(/^root +mv_\S+ +active +admin +all +\d{4}-\d\d-\d\d +never +none +[\da-f-]{36}$/);
    expect(bob).toMatch(/^bob +mv_\S+ +revoked +user +generate,\S+ +\S+ +2999-01-31T00:00Z +3 at once +\S+$/);
    expect(stdout).not.toContain(secret);
  });

  it('are refused where they would lock their owner out', async () => {
    const dir = await tempFolder();
    const first = await keysIn(dir)('create', 'alice');
    expect(first).toMatchObject({ code: 1, stdout: '' });
    expect(first.stderr).toMatch(
      /^There is no admin’s key .* make one of the role "admin" first \(.*\)\.\n$/,
    );
    await create(keysIn(dir, { API_KEY: 'canary-5d1f0c9ab7e84e21' }), 'alice');
    await create(keysIn(dir), 'root', '--role', 'admin');
    const last = await keysIn(dir)('revoke', 'root');
    expect(last).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^"root" is the last active admin’s key/),
    });
    expect(await keysIn(dir)('revoke', 'root', '--force')).toMatchObject({ code: 0 });
  });

  it('that are not there are told in one line, with exit code 1', async () => {
    const keys = keysIn(await tempFolder());
    for (const action of ['revoke', 'rotate']) {
      expect(await keys(action, 'nobody')).toEqual({
        code: 1,
        stdout: '',
        stderr: 'There is no key "nobody".\n',
      });
    }
    await create(keys, 'root', '--role', 'admin');
    expect(await keys('create', 'Root')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^.*"Root".*\n$/),
    });
  });

  it.each([
    [[], 'Say what is to be done.'],
    [['create', 'two words', '--role', 'admin'], 'A name is 1 to 64 letters'],
    [['create', 'a', '--scopes', 'admin'], 'Only keys of the role "admin"'],
    [['create', 'a', '--secret', 'x'], "Unknown option '--secret'"],
  ])('%j is wrong usage: exit code 78, why, and how it goes', async (args, fault) => {
    const dir = await tempFolder();
    const { code, stdout, stderr } = await keysIn(dir)(...args);
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr.startsWith(fault)).toBe(true);
    expect(stderr).toContain('Usage: npm run keys -- create NAME');
    await expect(stat(path.join(dir, 'keys.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('explain themselves', async () => {
    const { code, stdout, stderr } = await keysIn(await tempFolder())('--help');
    expect([code, stderr]).toEqual([0, '']);
    for (const word of ['create', 'list', 'revoke', 'rotate', '--grace', 'MINIVAULT_KEYS_FILE', 'API_KEY'])
      expect(stdout).toContain(word);
  });

  it('that cannot be read, or not be audited, are no crash', async () => {
    const dir = await tempFolder();
    await writeFile(path.join(dir, 'keys.json'), '{"version":1,"keys":[{}]}');
    const broken = await keysIn(dir)('list');
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toMatch(/^The keys in \S+keys\.json cannot be used: [^\n]+\n$/);
    await mkdir(path.join(dir, 'folder'));
    const unaudited = await keysIn(dir, { MINIVAULT_AUDIT_FILE: path.join(dir, 'folder') })('create', 'a');
    expect(unaudited).toMatchObject({
      code: 78,
      stdout: '',
      stderr: expect.stringContaining('MINIVAULT_AUDIT_FILE'),
    });
  });
});

describe('beside a gateway that runs', () => {
  it('keys work soon after they are made, and no more soon after they are revoked', {
    timeout: 60_000,
  }, async () => {
    const dir = await tempFolder();
    gateway = await spawnGateway({ dir });
    const url = await gateway.url();
    const keys = keysIn(dir);
    const status = async (key: string | null) =>
      (await fetch(`${url}/v1/models`, { headers: key === null ? {} : { Authorization: `Bearer ${key}` } }))
        .status;
    expect(await status(null)).toBe(200);
    const root = await create(keys, 'root', '--role', 'admin');
    await until(async () => (await status(null)) === 401, KNOWN_WITHIN_MS);
    expect(await status(root)).toBe(200);

    const first = await create(keys, 'alice');
    await until(async () => (await status(first)) === 200, KNOWN_WITHIN_MS);
    const { stdout } = await keys('rotate', 'alice', '--grace', '1h');
    const second = stdout.trim();
    await until(async () => (await status(second)) === 200, KNOWN_WITHIN_MS);
    expect(await status(first)).toBe(200);
    const third = (await keys('rotate', 'alice')).stdout.trim();
    await until(async () => (await status(second)) === 401, KNOWN_WITHIN_MS);
    expect([await status(third), await status(first)]).toEqual([200, 200]);
    await keys('revoke', 'alice');
    await until(async () => (await status(third)) === 401, KNOWN_WITHIN_MS);
    expect([await status(first), await status(root)]).toEqual([401, 200]);

    const answer = await fetch(`${url}/admin/audit?limit=100`, { headers: { 'X-API-Key': root } });
    const { items } = (await answer.json()) as { items: { event: string; target: string }[] };
    const changes = items.filter(({ event }) => event !== 'refused').toReversed();
    expect(changes.map(({ event, target }) => `${event} ${target}`)).toEqual([
      'key.created root',
      'key.created alice',
      'key.rotated alice',
      'key.rotated alice',
      'key.revoked alice',
    ]);
    const written = `${gateway.output()}${await readFile(path.join(dir, 'audit.jsonl'), 'utf8')}`;
    for (const secret of [root, first, second, third]) expect(written).not.toContain(secret);
  });

  it('a rotated key’s former secret ends when its grace does', { timeout: 60_000 }, async () => {
    const dir = await tempFolder();
    const keys = keysIn(dir);
    gateway = await spawnGateway({ dir });
    const url = await gateway.url();
    const former = await create(keys, 'root', '--role', 'admin');
    const status = async () => (await fetch(`${url}/v1/models`, { headers: { 'X-API-Key': former } })).status;
    await until(async () => (await status()) === 200 && (await fetch(`${url}/v1/models`)).status === 401);
    const { stderr } = await keys('rotate', 'root', '--grace', '6s');
    const untilMs = Date.parse(/works until (\S+)\./.exec(stderr)?.[1] ?? '');
    await until(async () => (await status()) === 401, 6_000 + KNOWN_WITHIN_MS);
    expect(Date.now()).toBeGreaterThanOrEqual(untilMs);
  });
});
