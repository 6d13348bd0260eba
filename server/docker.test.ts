// The Dockerfile and docker-compose.yml, held against the scripts, settings and files that do run: there is no Docker engine
// here. What their commands come to is run where it can be.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig, SETTINGS } from './config.js';
import { isRunning, spawnGateway } from './testing/gateway-process.js';
import { tempFolder } from './testing/temp-folder.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const KEY = 'k'.repeat(32);
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const venv = (program: string): string => path.join(ROOT, '.venv', 'bin', program);
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  engines: { node: string };
};

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

const instructions: readonly Instruction[] = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter(line => line.trim() !== '')
  .map(line => {
    const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    return { name, rest: rest.replaceAll(/ +/g, ' ') };
  });
const stages = instructions
  .flatMap(({ name }, at) => (name === 'FROM' ? [at] : []))
  .map((from, nth, all) => instructions.slice(from, all[nth + 1]));
const last = stages.at(-1) ?? [];
const all = (name: string): string[] =>
  instructions.filter(each => each.name === name).map(({ rest }) => rest);
const ofLast = (name: string): string => last.findLast(each => each.name === name)?.rest ?? '';
const imageEnv = Object.fromEntries(
  ofLast('ENV')
    .split(' ')
    .map(pair => pair.split('=') as [string, string]),
);

describe('the Dockerfile', () => {
  it('has nothing that hadolint minds', () => {
    const { status, stdout } = spawnSync(venv('hadolint'), ['Dockerfile'], { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  it('copies what there is, and what .dockerignore lets through', () => {
    const copies = all('COPY').filter(rest => !rest.startsWith('--from'));
    const sources = copies.flatMap(rest => rest.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(8);
    const ignore = read('.dockerignore').split('\n');
    for (const source of sources) {
      expect(existsSync(path.join(ROOT, source)), source).toBe(true);
      expect(ignore, source).toContain(`!${source}`);
    }
    expect(ignore).toContain('*');
  });

  it('copies between stages what the earlier one has made', () => {
    const names = all('FROM').map(rest => / AS (\w+)$/.exec(rest)?.[1]);
    const made = ['/usr/local/bin/node', ...['.venv', 'data', 'node_modules', 'dist', 'cli.test.js']].map(
      file => path.resolve('/app', file),
    );
    for (const rest of all('COPY').filter(each => each.startsWith('--from'))) {
      const [from = '', ...others] = rest.split(' ');
      expect(names).toContain(from.replace('--from=', ''));
      for (const file of others.filter(word => !word.startsWith('--')).slice(0, -1)) {
        expect([...made, '/app/package.json']).toContain(file);
      }
    }
    expect(new Set(all('WORKDIR'))).toEqual(new Set(['/app']));
  });

  it('has everything in place that the built program looks for', () => {
    const there = last
      .filter(({ name }) => name === 'COPY')
      .flatMap(({ rest }) => rest.split(' ').filter(word => !word.startsWith('--')));
    for (const file of [
      '.venv',
      'node_modules',
      'dist',
      'python',
      'data',
      'setup/command.mjs',
      'setup/serve.mjs',
    ]) {
      expect(there, file).toContain(file);
    }
    expect(there).toContain('/app/package.json');
  });

  it('has the commands beside the server, by their names', () => {
    const command = (...args: string[]) =>
      spawnSync(process.execPath, ['setup/command.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });
    for (const name of ['keys', 'migrate', 'reembed', 'reindex', 'verify']) {
      expect(manifest.scripts).toHaveProperty([name]);
      expect(command(name, '--help').stdout).toContain(`Usage: npm run ${name}`);
    }
    expect(command('main')).toMatchObject({ status: 78, stdout: '' });
  });

  it('runs npm scripts and Python programs that exist', () => {
    const commands = all('RUN').flatMap(rest => rest.split(' && '));
    for (const command of commands) {
      const script = /npm run (\S+)/.exec(command)?.[1];
      if (script !== undefined) expect(manifest.scripts).toHaveProperty([script]);
      for (const [, file = ''] of command.matchAll(/-r (\S+)/g))
        expect(existsSync(path.join(ROOT, file))).toBe(true);
    }
    expect(commands.join('\n')).toContain('.venv/bin/python -u python/prepare_model.py --data-dir data');
    const help = execFileSync(venv('python'), ['-u', 'python/prepare_model.py', '--help'], { cwd: ROOT });
    expect(help.toString()).toContain('--data-dir');
  });

  it('has versions that the program supports', () => {
    const [, node = ''] = /FROM node:(\d+\.\d+)\.\d+-/.exec(read('Dockerfile')) ?? [];
    expect(Number(node)).toBeGreaterThanOrEqual(Number(/\d+\.\d+/.exec(manifest.engines.node)?.[0]));
    const pythons = all('FROM').flatMap(rest => /^python:\S+/.exec(rest) ?? []);
    expect(new Set(pythons).size).toBe(1);
    expect(pythons[0]).toMatch(/^python:3\.1[0-4]\.\d+-/);
  });

  it('needs no package at run time that it prunes', () => {
    const files = readdirSync(path.join(ROOT, 'server'), { recursive: true, encoding: 'utf8' }).filter(
      file => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing'),
    );
    const imported = new Set(
      files.flatMap(file =>
        [
          ...read(path.join('server', file)).matchAll(
            /^(?:import|export) (?!type )[^;]*?from '([^.'][^']*)'/gm,
          ),
        ].map(([, name = '']) => name),
      ),
    );
    const packages = [...imported]
      .filter(name => !name.startsWith('node:'))
      .map(name => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '');
    expect(packages.length).toBeGreaterThan(8);
    expect(packages.filter(name => !Object.hasOwn(manifest.dependencies, name))).toEqual([]);
  });

  it('sets only settings, and exposes the port that it listens on', () => {
    const { NODE_ENV, ...settings } = imageEnv;
    expect(NODE_ENV).toBe('production');
    expect(Object.keys(settings).filter(name => !Object.hasOwn(SETTINGS, name))).toEqual([]);
    expect(readConfig({ ...settings, API_KEY: KEY })).toMatchObject({ PORT: 7860, HOST: '0.0.0.0' });
    expect(ofLast('EXPOSE')).toBe(imageEnv.PORT);
    expect(ofLast('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });
});

describe('its command', () => {
  const [, ...args] = JSON.parse(ofLast('CMD')) as string[];
  const probe = JSON.parse(/CMD (\[.*\])/.exec(ofLast('HEALTHCHECK'))?.[1] ?? '[]') as string[];
  const health = (port: string) =>
    spawnSync(process.execPath, probe.slice(1), { env: { PORT: port }, encoding: 'utf8' }).status;

  it('ends at once without a key, and says what to do', () => {
    const { PATH } = process.env;
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      env: { PATH, ...imageEnv },
      encoding: 'utf8',
    });
    expect(status).toBe(78);
    expect(stderr).toMatch(/HOST="0\.0\.0\.0".*API_KEY.*127\.0\.0\.1/);
  });

  it('serves with one, healthy for as long as it lives', async () => {
    const { child, url, exited } = await spawnGateway({
      script: path.join(ROOT, args[0] ?? ''),
      dir: await tempFolder(),
      env: { ...imageEnv, PORT: '0', LOG_JSON: 'false', API_KEY: KEY },
    });
    const { port, hostname } = new URL(await url());
    expect(hostname).toBe('0.0.0.0');
    const at = `http://127.0.0.1:${port}/health`;
    expect((await fetch(at)).status).toBe(401);
    expect((await fetch(at, { headers: { 'X-API-Key': KEY } })).status).toBe(200);
    expect(probe[0]).toBe('node');
    expect(health(port)).toBe(0);
    child.kill('SIGTERM');
    expect(await exited).toMatchObject({ code: 0 });
    expect(await isRunning(child.pid ?? 0)).toBe(false);
    expect(health(port)).toBe(1);
  });
});

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
}
interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly build?: unknown;
}

/** As Compose puts the environment into its file. @throws for a variable that must be set */
function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  const bare = text.replaceAll(/^ *#.*\n/gm, '');
  return bare.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, word = '') => {
    const value = env[name] ?? '';
    if (value === '' && kind === '?') throw new Error(`${name}: ${word}`);
    return value === '' ? word : value;
  });
}

const PARSE = 'import sys, yaml, json; print(json.dumps(yaml.safe_load(sys.stdin)))';
const VALIDATE = 'import sys, compose_spec; compose_spec.PyCompose.from_yaml(sys.stdin.read()).validate()';

function python(program: string, input: string) {
  return spawnSync(venv('python'), ['-c', program], { input, encoding: 'utf8' });
}

describe('docker-compose.yml', () => {
  const env = { API_KEY: KEY, POSTGRES_PASSWORD: 'p'.repeat(32) };
  const text = interpolate(read('docker-compose.yml'), env);
  const { services, volumes } = JSON.parse(python(PARSE, text).stdout) as Compose;
  const { gateway, database } = services as { gateway: Service; database: Service };

  it('is valid, and would be found out if it were not', () => {
    expect(python(VALIDATE, text)).toMatchObject({ status: 0, stderr: '' });
    expect(python(VALIDATE, text.replace('ports:', 'portz:')).stderr).toContain('portz');
  });

  it('starts for nobody who has set no key and no password', () => {
    for (const name of ['API_KEY', 'POSTGRES_PASSWORD']) {
      expect(() => interpolate(read('docker-compose.yml'), { ...env, [name]: '' })).toThrow(name);
    }
  });

  it('sets only settings, and such as the program takes', () => {
    const given = Object.entries(gateway.environment).filter(([, value]) => value !== null);
    expect(Object.keys(gateway.environment).filter(name => !Object.hasOwn(SETTINGS, name))).toEqual([]);
    const config = readConfig({ ...imageEnv, ...(Object.fromEntries(given) as Record<string, string>) });
    const { hostname, port, username, password, pathname } = new URL(config.DATABASE_URL ?? '');
    expect({ hostname, port }).toEqual({ hostname: 'database', port: '5432' });
    expect(database.environment).toEqual({
      POSTGRES_USER: username,
      POSTGRES_DB: pathname.slice(1),
      POSTGRES_PASSWORD: password,
    });
    const graceMs = Number.parseInt(gateway.stop_grace_period ?? '', 10) * 1000;
    expect(graceMs).toBeGreaterThan(config.MINIVAULT_DRAIN_TIMEOUT_MS);
  });

  it('opens the gateway to this machine alone, and the database to nobody', () => {
    expect(gateway.ports).toEqual([`127.0.0.1:7860:${imageEnv.PORT}`]);
    expect(database.ports).toBeUndefined();
  });

  it('keeps in volumes what must outlive a container', () => {
    const mounted = gateway.volumes.map(volume => volume.split(':')[1]);
    expect(JSON.stringify(mounted)).toBe(JSON.stringify(JSON.parse(ofLast('VOLUME'))));
    const named = [...gateway.volumes, ...database.volumes].map(volume => volume.split(':')[0]);
    expect(named.toSorted()).toEqual(Object.keys(volumes).toSorted());
  });

  it('waits for a PostgreSQL that has pgvector and is ready', () => {
    expect(database.image).toMatch(/^pgvector\/pgvector:\d/);
    expect(database.healthcheck?.test).toContain('pg_isready');
    expect(gateway.depends_on).toEqual({ database: { condition: 'service_healthy' } });
  });
});
