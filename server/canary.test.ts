// What nobody is to see (faults R10, R11, G18): secrets and a prompt, each a word of its own, are given to a gateway in
// every way; then all that it has said, written and stored is searched for them.
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from './access/key-changes.js';
import { OPERATIONS } from './reference/reference.js';
import { type GatewayProcess, spawnGateway } from './testing/gateway-process.js';
import { tempFolder } from './testing/temp-folder.js';
import { makeStore, type StorePlace } from './testing/temp-store.js';
import { until } from './testing/until.js';

const API_KEY = 'canary-api-7d1f0c9ab7e84e21';
const UPSTREAM_KEY = 'canary-upstream-0b6e5c3d9a';
const PASSWORDS = { database: 'canary-database-1f3a9c', redis: 'canary-redis-8e2b7d' };
const PROMPT = 'canaryprompt4c1d8e';
const TRIGGER = 'please die';
const SECOND_MS = 1_000;
/** The embedded database takes its time where the machine is busy. */
const OPENING_MS = 60_000;

/** Bodies that are good for their route; every other route gets an empty one. */
const BODIES: Readonly<Record<string, (prompt: string) => object>> = {
  '/generate': prompt => ({ prompt }),
  '/stream': prompt => ({ prompt }),
  '/v1/chat/completions': prompt => ({ messages: said(prompt) }),
  '/v1/completions': prompt => ({ prompt }),
  '/v1/responses': prompt => ({ input: prompt }),
  '/v1/messages': prompt => ({ max_tokens: 9, messages: said(prompt) }),
  '/v1/messages/count_tokens': prompt => ({ messages: said(prompt) }),
  '/api/generate': prompt => ({ prompt, stream: false }),
  '/api/chat': prompt => ({ messages: said(prompt), stream: false }),
  '/api/v1/chat': prompt => ({ messages: said(prompt), stream: false }),
  '/api/v1/chat/submit': prompt => ({ prompt, client_id: 'nobody' }),
  '/v1/embeddings': prompt => ({ input: prompt }),
  '/api/embed': prompt => ({ input: prompt }),
  '/api/embeddings': prompt => ({ prompt }),
  '/api/v1/documents/add': prompt => ({ documents: [`A document about ${prompt}.`] }),
};

function said(content: string): object[] {
  return [{ role: 'user', content }];
}

/** What all operations answered, but for the caller's own words sent back to it. */
class Visitor {
  readonly heard: string[] = [];
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(method: string, where: string, headers: Record<string, string>, body?: object): Promise<string> {
    const leaving = new AbortController();
    const response = await fetch(this.#url + where, {
      method: method.toUpperCase(),
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      signal: leaving.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const isEndless =
      method === 'get' && response.headers.get('content-type')?.startsWith('text/event-stream');
    // A failure after the first byte breaks a stream of bare text.
    const text = isEndless ? '' : await response.text().catch(String);
    leaving.abort();
    this.heard.push(JSON.stringify([...response.headers]), text);
    return text;
  }

  /** Every operation once, and those with a body also with one that is wrong. */
  async askAll(headers: Record<string, string>, prompt: string): Promise<void> {
    for (const { method, path: where } of OPERATIONS) {
      const at = where.replaceAll(/\{\w+\}/g, 'x') + (method === 'get' ? `?query=${prompt}` : '');
      const takesBody = ['post', 'patch'].includes(method);
      if (!takesBody) await this.ask(method, at, headers);
      else {
        await this.ask(method, at, headers, BODIES[where]?.(prompt) ?? {});
        await this.ask(method, at, headers, { prompt: [prompt], messages: prompt, input: { prompt } });
      }
    }
  }
}

const started: GatewayProcess[] = [];
afterEach(async () => {
  for (const { child, exited } of started.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
});

async function start(env: Record<string, string>, dir: string, plan = {}): Promise<GatewayProcess> {
  const gateway = await spawnGateway({
    dir,
    plan,
    env: { API_KEY, LOG_LEVEL: 'debug', MINIVAULT_VAULT: 'on', ...env },
  });
  started.push(gateway);
  await gateway.url();
  return gateway;
}

/** By name, everything in the gateway's folder. */
async function filesOf(dir: string): Promise<Map<string, string>> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = names.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async file => [file, await readFile(file, 'latin1')] as const)));
}

async function dumpOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
    );
    const dumps = tables.map(async ({ name }) => {
      const { rows } = await client.query<{ line: string }>(`select t::text as line from ${name} t`);
      return rows.map(({ line }) => line).join('\n');
    });
    return (await Promise.all(dumps)).join('\n');
  } finally {
    await client.end();
  }
}

describe.each([{ LOG_JSON: 'false' }, { LOG_JSON: 'true' }])('a gateway with secrets, %j', ({ LOG_JSON }) => {
  let store: StorePlace;
  beforeAll(async () => {
    store = await makeStore('postgresql').catch(() => makeStore('pglite'));
  });
  afterAll(() => store.remove());

  it('shows none of them, and the prompt only in its log and its database', {
    timeout: 120_000,
  }, async () => {
    const dir = await tempFolder();
    const keyFile = path.join(dir, 'keys.json');
    const ann = await createKey(keyFile, { name: 'ann', role: 'admin' });
    const ben = await createKey(keyFile, { name: 'ben' });
    const secrets = [API_KEY, UPSTREAM_KEY, ...Object.values(PASSWORDS), ann.secret, ben.secret];
    const database = store.url?.replace(/\/\/(\w+)@/, `//$1:${PASSWORDS.database}@`) ?? '';
    const gateway = await start(
      {
        LOG_JSON,
        OPENAI_API_KEY: UPSTREAM_KEY,
        ...(store.url === null ? {} : { DATABASE_URL: database }),
        REDIS_URL: `redis://:${PASSWORDS.redis}@127.0.0.1:1/0`,
      },
      dir,
      { tokens: 3, rules: [{ match: TRIGGER, do: 'exit:139', at: 1 }] },
    );
    const url = await gateway.url();
    await until(() => gateway.output().includes('✅ Python model loaded.'));
    const bearer = { Authorization: `Bearer ${ann.secret}` };
    const owner = new Visitor(url);
    await until(async () => (await owner.ask('get', '/history', bearer)).includes('"total"'), OPENING_MS);

    await owner.askAll(bearer, PROMPT);
    await owner.askAll({ 'X-API-Key': API_KEY }, PROMPT);
    for (let i = 0; i < 2; i++)
      await owner.ask('post', '/generate', bearer, { prompt: `${TRIGGER} ${PROMPT}` });

    // Where it does not belong: of these only the console and the audit are searched, an answer names what it was asked.
    const lost = new Visitor(url);
    await lost.ask('post', '/generate', bearer, { prompt: PROMPT, [ben.secret]: 1 });
    for (const secret of [API_KEY, ann.secret]) {
      for (const headers of [{}, bearer] as Record<string, string>[]) {
        await lost.ask('get', `/history?api_key=${secret}&query=x`, headers);
        await lost.ask('get', `/v1/models/${secret}`, headers);
        await lost.ask('post', `/${secret}/`, headers, {});
        await lost.ask('get', '/health', {
          ...headers,
          Authorization: secret,
          'User-Agent': secret,
          Referer: secret,
        });
        await lost.ask('get', '/health', { ...headers, 'X-Request-ID': `${secret} `.repeat(2) });
      }
    }

    const strangers = new Visitor(url);
    await strangers.askAll({}, 'x');
    await strangers.askAll({ 'X-API-Key': 'wrong' }, 'x');
    await strangers.askAll({ 'X-API-Key': ben.secret }, 'x');
    for (const where of ['/history', '/history/export', '/chats', `/search?query=${PROMPT}`, '/v1/queue']) {
      await strangers.ask('get', where, { 'X-API-Key': ben.secret });
    }
    const reports = ['/metrics', '/health', '/openapi.json', '/readyz', '/admin/keys'];
    const told = await Promise.all(reports.map(where => strangers.ask('get', where, bearer)));
    expect(told.every(text => text.length > 10)).toBe(true);
    await until(async () => store.url === null || (await dumpOf(database)).includes(PROMPT));
    const workerEnvironment = await readFile(`/proc/${await workerPid(url)}/environ`, 'latin1').catch(
      () => '',
    );

    gateway.child.kill('SIGTERM');
    await gateway.exited;
    const files = await filesOf(dir);
    const isOf = (file: string): string => {
      if (file.startsWith(gateway.logFile)) return 'log';
      return file.startsWith(path.join(dir, 'vault')) ? 'database' : 'other';
    };
    const kept = (kind: string) => [...files].filter(([file]) => isOf(file) === kind);
    const textOf = (kind: string) =>
      kept(kind)
        .map(([, text]) => text)
        .join('\n');
    const others = kept('other');
    const console = gateway.output();
    expect(console.length).toBeGreaterThan(10_000);
    expect(others.map(([file]) => path.basename(file))).toEqual(
      expect.arrayContaining(['keys.json', 'audit.jsonl']),
    );

    const everything: Record<string, string> = {
      console,
      'what the owner heard': owner.heard.join('\n'),
      'what others heard': strangers.heard.join('\n'),
      'the log': textOf('log'),
      'the database': store.url === null ? textOf('database') : await dumpOf(database),
      "the worker's environment": workerEnvironment,
      ...Object.fromEntries(others),
    };
    const hits = Object.entries(everything).flatMap(([where, text]) =>
      secrets
        .filter(secret => text.includes(secret))
        .map(secret => `${secret} in ${where}: ${around(text, secret)}`),
    );
    expect(hits).toEqual([]);

    const belongs = new Set(['the log', 'the database', 'what the owner heard']);
    for (const where of belongs) expect(everything[where]?.includes(PROMPT), where).toBe(true);
    const strays = Object.entries(everything).filter(
      ([where, text]) => !belongs.has(where) && text.includes(PROMPT),
    );
    expect(strays.map(([where, text]) => `${where}: ${around(text, PROMPT)}`)).toEqual([]);

    async function workerPid(at: string): Promise<number> {
      const health = await (await fetch(`${at}/health`, { headers: bearer })).text();
      return (JSON.parse(health) as { worker: { pid: number } }).worker.pid;
    }
  });

  it('shows none of them when what it needs is away, or repeats them', { timeout: 120_000 }, async () => {
    // As some servers do: it answers with the key that it does not know.
    const upstream = createServer((req, res) => {
      const { authorization } = req.headers;
      res.writeHead(400, { 'Content-Type': 'application/json' });
      res.end(
        JSON.stringify({ error: { message: `Incorrect API key provided: ${authorization}.`, type: 'x' } }),
      );
    });
    await new Promise<void>(resolve => {
      upstream.listen(0, '127.0.0.1', resolve);
    });
    const { port } = upstream.address() as AddressInfo;
    const dir = await tempFolder();
    const gateway = await start(
      {
        LOG_JSON,
        MINIVAULT_BACKEND: 'openai',
        OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
        OPENAI_API_KEY: UPSTREAM_KEY,
        OPENAI_MODEL: 'any',
        DATABASE_URL: `postgresql://me:${PASSWORDS.database}@127.0.0.1:1/none`,
        REDIS_URL: `redis://:${PASSWORDS.redis}@127.0.0.1:1/0`,
      },
      dir,
    );
    const visitor = new Visitor(await gateway.url());
    const headers = { 'X-API-Key': API_KEY };
    await visitor.askAll(headers, PROMPT);
    await until(async () => {
      await visitor.ask('get', '/health', headers);
      return /ECONNREFUSED/.test(visitor.heard.at(-1) ?? '') || /ECONNREFUSED/.test(gateway.output());
    });
    await new Promise(resolve => setTimeout(resolve, SECOND_MS));
    gateway.child.kill('SIGTERM');
    await gateway.exited;
    upstream.close();
    const files = await filesOf(dir);
    const all = [gateway.output(), ...visitor.heard, ...files.values()].join('\n');
    expect(all.includes('Incorrect API key provided')).toBe(true);
    for (const secret of [API_KEY, UPSTREAM_KEY, ...Object.values(PASSWORDS)]) {
      expect(all.includes(secret) ? around(all, secret) : '', secret).toBe('');
    }
    expect(gateway.output().includes(PROMPT)).toBe(false);
  });
});

function around(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 120), at + word.length + 60);
}
