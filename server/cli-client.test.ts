// The CLI client, cli.test.ts at the top: the card fixed its name, so its tests have to live here.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Compiled, compile } from './testing/compile.js';
import { answer, done, ndjson, piece, type Script, scriptedGateway } from './testing/scripted-gateway.js';
import { until } from './testing/until.js';

const SOURCE = 'cli.test.ts';
const PYTHON = path.resolve(import.meta.dirname, '../.venv/bin/python');
let compiled: Compiled;

beforeAll(async () => {
  compiled = await compile(SOURCE);
}, 30_000);

afterAll(() => compiled.remove());

interface Run {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What starts node; nothing by default. */
  readonly under?: readonly string[];
}

function run(args: readonly string[], { env = {}, stdin = '', under = [] }: RunOptions = {}): Run {
  const [command = '', ...rest] = [...under, process.execPath, compiled.program(SOURCE), ...args];
  const child = spawn(command, rest, { env: { PATH: process.env.PATH, ...env } });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on('data', (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.stderr.push(chunk));
  child.stdin.end(stdin);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    stdout: () => Buffer.concat(output.stdout).toString(),
    stderr: () => Buffer.concat(output.stderr).toString(),
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks a server that plays the script; returns what the client made of it. */
async function ask(script: Script, args: readonly string[] = ['hello']) {
  const gateway = await scriptedGateway(script);
  const client = run(['--url', gateway.url, ...args]);
  const code = await client.ended;
  return { code, stdout: client.stdout(), stderr: client.stderr(), requests: gateway.requests };
}

const byteByByte =
  (body: string): Script =>
  async response => {
    response.writeHead(200);
    for (const byte of Buffer.from(body)) {
      response.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    response.end();
  };

describe('the CLI client', () => {
  it('is short and needs nothing but node', async () => {
    const source = await readFile(path.resolve(import.meta.dirname, '..', SOURCE), 'utf8');
    expect(source.split('\n').length - 1).toBeLessThan(80);
    const imports = [...source.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
    expect(imports.filter(name => !name?.startsWith('node:'))).toEqual([]);
  });

  it('sends the prompt and prints the answer with a newline at its end', async () => {
    const result = await ask(answer(ndjson(piece('Hi'), piece(' there'), done())), ['What is "AI"?\n👋']);
    expect(result).toEqual({
      code: 0,
      stdout: 'Hi there\n',
      stderr: '',
      requests: [{ method: 'POST', url: '/generate', body: { prompt: 'What is "AI"?\n👋' } }],
    });
  });

  it('puts characters together that arrive byte by byte', async () => {
    const { code, stdout } = await ask(
      byteByByte(ndjson(piece('Grüße '), piece('👋🏽 \u2028'), piece('語'), done())),
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Grüße 👋🏽 \u2028語\n' });
  });

  it('prints each piece as it comes', async () => {
    let goOn = (): void => undefined;
    const gateway = await scriptedGateway(response => {
      response.write(ndjson(piece('first')));
      goOn = () => response.end(ndjson(piece(' second'), done()));
    });
    const client = run(['--url', gateway.url, 'hello']);
    await until(() => client.stdout() === 'first');
    goOn();
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe('first second\n');
  });

  it('takes several words as one prompt', async () => {
    const { requests } = await ask(answer(ndjson(done())), ['What', 'is', 'AI?']);
    expect(requests).toMatchObject([{ body: { prompt: 'What is AI?' } }]);
  });

  it('reads the prompt from standard input when it is -', async () => {
    const gateway = await scriptedGateway(answer(ndjson(piece('ok'), done())));
    const client = run(['-', '--url', `${gateway.url}/`], { stdin: 'Grüße\nan alle\n' });
    expect(await client.ended).toBe(0);
    expect(gateway.requests).toMatchObject([{ url: '/generate', body: { prompt: 'Grüße\nan alle' } }]);
  });

  it('finds the server at the port in PORT', async () => {
    const gateway = await scriptedGateway(answer(ndjson(piece('ok'), done())));
    const client = run(['hello'], { env: { PORT: String(gateway.port) } });
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe('ok\n');
  });

  it('prints the lines as they are with --json', async () => {
    const lines = ndjson({ response: '', status: 'queued', position: 2 }, piece('ü'), done());
    expect(await ask(answer(lines), ['--json', 'hello'])).toMatchObject({
      code: 0,
      stdout: lines,
      stderr: '',
    });
  });

  it('calls an answer that ended at its length limit whole', async () => {
    expect(await ask(answer(ndjson(piece('a'), done('length'))))).toMatchObject({ code: 0, stdout: 'a\n' });
  });
});

describe('the CLI client without a prompt or a server', () => {
  it.each([[[]], [['']], [['-']], [['--json']]])('prints the usage on stderr and exits 1: %j', async args => {
    const client = run(args);
    expect(await client.ended).toBe(1);
    expect(client.stdout()).toBe('');
    expect(client.stderr()).toContain('Usage: node cli.test.js');
  });

  it('prints the usage on stdout when asked for help', async () => {
    const client = run(['--help']);
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toContain('Usage: node cli.test.js');
  });

  it('names an option it does not know and exits 1', async () => {
    const client = run(['--fast', 'hello']);
    expect(await client.ended).toBe(1);
    expect(client.stderr()).toContain("'--fast'");
  });

  it.each(['http://127.0.0.1', 'nonsense'])(
    'says in one line that no server is at %s and exits 1',
    async base => {
      const url = base === 'nonsense' ? base : `${base}:${await closedPort()}`;
      const client = run(['--url', url, 'hello']);
      expect(await client.ended).toBe(1);
      expect(client.stdout()).toBe('');
      expect(client.stderr()).toMatch(/^Error: no minivault at .+; start it with: npm start\n$/);
      expect(client.stderr()).toContain(url);
    },
  );
});

describe('the CLI client and an answer that is not whole', () => {
  it('exits 2 with the message of an error that came before the stream', async () => {
    const result = await ask(response => {
      const error = { error: 'Invalid prompt', code: 'invalid_request', param: 'prompt', request_id: 'r' };
      response.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify(error));
    });
    expect(result).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'Error: Invalid prompt (invalid_request)\n',
    });
  });

  it('exits 2 when the server is something else', async () => {
    const notFound = await ask(response => void response.writeHead(404).end('<html>'));
    expect(notFound).toMatchObject({ code: 2, stderr: 'Error: this is no minivault (HTTP 404)\n' });
    expect(await ask(answer('<html>\n'))).toMatchObject({ code: 2, stdout: '' });
  });

  it('exits 2 with the message of an error in the stream, after the text so far', async () => {
    const error = { code: 'worker_crashed', message: 'The worker died.', request_id: 'r' };
    const lines = ndjson(piece('half'), { ...done('error'), error });
    expect(await ask(answer(lines))).toMatchObject({
      code: 2,
      stdout: 'half\n',
      stderr: 'Error: The worker died. (worker_crashed)\n',
    });
  });

  it('exits 2 when the server cancelled it', async () => {
    expect(await ask(answer(ndjson(piece('half'), done('cancelled'))))).toMatchObject({
      code: 2,
      stdout: 'half\n',
    });
  });

  const whole = ndjson(piece('half'), done());
  it.each([
    ['before the final line', whole.slice(0, whole.indexOf('\n') + 1)],
    ['within the final line', whole.slice(0, -5)],
    ['before anything', ''],
  ])('exits 2 when the stream ends %s', async (_, body) => {
    expect(await ask(answer(body))).toMatchObject({
      code: 2,
      stdout: body === '' ? '' : 'half\n',
      stderr: 'Error: the stream ended in the middle of the answer\n',
    });
  });

  it('exits 2 when the connection breaks', async () => {
    const result = await ask(async response => {
      response.write(ndjson(piece('half')));
      await new Promise(setImmediate);
      response.destroy();
    });
    expect(result).toMatchObject({ code: 2, stdout: 'half\n' });
    expect(result.stderr).toMatch(/^Error: the stream broke \(\w+\)\n$/);
  });
});

describe('the CLI client and its terminal', () => {
  const endless = async () => {
    const state = { isGone: false };
    const gateway = await scriptedGateway(response => {
      const timer = setInterval(() => response.write(ndjson(piece('more '))), 1);
      response.on('close', () => {
        state.isGone = true;
        clearInterval(timer);
      });
    });
    return { gateway, state };
  };

  it('leaves the server and exits 130 on Ctrl-C', async () => {
    const { gateway, state } = await endless();
    const client = run(['--url', gateway.url, 'hello']);
    await until(() => client.stdout().includes('more'));
    client.child.kill('SIGINT');
    expect(await client.ended).toBe(130);
    await until(() => state.isGone);
    expect(client.stderr()).toBe('');
    expect(client.stdout()).toMatch(/^(more )+\n$/);
  });

  it('exits 130 on Ctrl-C before the first byte, too', async () => {
    const gateway = await scriptedGateway(() => undefined);
    const client = run(['--url', gateway.url, 'hello']);
    await until(() => gateway.requests.length === 1);
    client.child.kill('SIGINT');
    expect(await client.ended).toBe(130);
    expect(client.stderr()).toBe('');
  });

  it('ends quietly, and the generation with it, when nobody reads its output any more', async () => {
    const { gateway, state } = await endless();
    const client = run(['--url', gateway.url, 'hello']);
    await until(() => client.stdout().includes('more'));
    client.child.stdout?.destroy();
    expect(await client.ended).toBe(0);
    await until(() => state.isGone);
    expect(client.stderr()).toBe('');
  });

  const waiting = ndjson(
    { response: '', status: 'loading' },
    { response: '', status: 'queued', position: 3 },
    piece('an\x1b[31mswer\n\twith tab'),
    done(),
  );

  it('says nothing about waiting where stderr is no terminal', async () => {
    expect(await ask(answer(waiting))).toMatchObject({
      code: 0,
      stderr: '',
      stdout: 'an\x1b[31mswer\n\twith tab\n',
    });
  });

  it('shows on a terminal what it waits for, and lets no answer drive the terminal', async () => {
    const gateway = await scriptedGateway(answer(waiting));
    const pty = [PYTHON, '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'];
    const client = run(['--url', gateway.url, 'hello'], { under: pty });
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe(
      '\r\x1b[Kloading\r\x1b[Kqueued, position 3\r\x1b[Kan[31mswer\r\n\twith tab\r\n',
    );
  });
});
