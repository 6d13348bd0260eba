// The CLI client, cli.test.ts at the top: the card fixed its name, so its tests have to live here.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { askThroughCli, CLI_SOURCE, runCli, useCli } from './testing/cli-process.js';
import { answer, done, ndjson, piece, type Script, scriptedGateway } from './testing/scripted-gateway.js';
import { until } from './testing/until.js';

useCli();

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
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
    const source = await readFile(path.resolve(import.meta.dirname, '..', CLI_SOURCE), 'utf8');
    expect(source.split('\n').length - 1).toBeLessThan(90);
    const imports = [...source.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
    expect(imports.filter(name => !name?.startsWith('node:'))).toEqual([]);
  });

  it('sends the prompt and prints the answer with a newline at its end', async () => {
    const result = await askThroughCli(answer(ndjson(piece('Hi'), piece(' there'), done())), [
      'What is "AI"?\n👋',
    ]);
    expect(result).toEqual({
      code: 0,
      stdout: 'Hi there\n',
      stderr: '',
      requests: [{ method: 'POST', url: '/generate', body: { prompt: 'What is "AI"?\n👋' } }],
    });
  });

  it('puts characters together that arrive byte by byte', async () => {
    const { code, stdout } = await askThroughCli(
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
    const client = runCli(['--url', gateway.url, 'hello']);
    await until(() => client.stdout() === 'first');
    goOn();
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe('first second\n');
  });

  it('reads the prompt from standard input when it is -', async () => {
    const gateway = await scriptedGateway(answer(ndjson(piece('ok'), done())));
    const client = runCli(['-', '--url', `${gateway.url}/`], { stdin: 'Grüße\nan alle\n' });
    expect(await client.ended).toBe(0);
    expect(gateway.requests).toMatchObject([{ url: '/generate', body: { prompt: 'Grüße\nan alle' } }]);
  });

  it('finds the server at the port in PORT, and takes several words as one prompt', async () => {
    const gateway = await scriptedGateway(answer(ndjson(piece('ok'), done())));
    const client = runCli(['several', 'words'], { env: { PORT: String(gateway.port) } });
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe('ok\n');
    expect(gateway.requests).toMatchObject([{ body: { prompt: 'several words' } }]);
  });

  it('prints the lines as they are with --json', async () => {
    const lines = ndjson({ response: '', status: 'queued', position: 2 }, piece('ü'), done('length'));
    expect(await askThroughCli(answer(lines), ['--json', 'hello'])).toMatchObject({
      code: 0,
      stdout: lines,
      stderr: '',
    });
  });
});

describe('the CLI client without a prompt or a server', () => {
  it.each([[[]], [['']], [['-']]])('prints the usage on stderr and exits 1: %j', async args => {
    const client = runCli(args);
    expect(await client.ended).toBe(1);
    expect(client.stdout()).toBe('');
    expect(client.stderr()).toContain('Usage: node cli.test.js');
  });

  it('prints the usage on stdout when asked for help', async () => {
    const client = runCli(['--help']);
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toContain('Usage: node cli.test.js');
  });

  it('names an option it does not know and exits 1', async () => {
    const client = runCli(['--fast', 'hello']);
    expect(await client.ended).toBe(1);
    expect(client.stderr()).toContain("'--fast'");
  });

  it('says when its length ended an answer, and asks for more when told to', async () => {
    const result = await askThroughCli(answer(ndjson(piece('Hi'), done('length'))), [
      ...['--max-tokens', '7', 'hello'],
    ]);
    expect(result).toMatchObject({
      code: 0,
      stdout: 'Hi\n',
      stderr: 'The answer stops here for its length; --max-tokens allows more.\n',
    });
  });

  it('tells what is no URL and exits 1', async () => {
    const client = runCli(['--url', 'nonsense', 'hello']);
    expect(await client.ended).toBe(1);
    expect(client.stderr()).toMatch(/^Error: "nonsense" is no URL\nUsage: /);
  });

  it.each(['http://127.0.0.1'])('says in one line that no server is at %s and exits 1', async base => {
    const url = `${base}:${await closedPort()}`;
    const client = runCli(['--url', url, 'hello']);
    expect(await client.ended).toBe(1);
    expect(client.stdout()).toBe('');
    expect(client.stderr()).toMatch(/^Error: no minivault at .+; start it with: npm start\n$/);
    expect(client.stderr()).toContain(url);
  });
});

describe('the CLI client and an answer that is not whole', () => {
  it('exits 2 with the message of an error that came before the stream', async () => {
    const result = await askThroughCli(response => {
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
    const notFound = await askThroughCli(response => void response.writeHead(404).end('<html>'));
    expect(notFound).toMatchObject({ code: 2, stderr: 'Error: this is no minivault (HTTP 404)\n' });
    expect(await askThroughCli(answer('<html>\n'))).toMatchObject({ code: 2, stdout: '' });
  });

  it('exits 2 with the message of an error in the stream, after the text so far', async () => {
    const error = { code: 'worker_crashed', message: 'The worker died.', request_id: 'r' };
    const lines = ndjson(piece('half'), { ...done('error'), error });
    expect(await askThroughCli(answer(lines))).toMatchObject({
      code: 2,
      stdout: 'half\n',
      stderr: 'Error: The worker died. (worker_crashed)\n',
    });
  });

  it('exits 2 when the server cancelled it', async () => {
    expect(await askThroughCli(answer(ndjson(piece('half'), done('cancelled'))))).toMatchObject({
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
    expect(await askThroughCli(answer(body))).toMatchObject({
      code: 2,
      stdout: body === '' ? '' : 'half\n',
      stderr: 'Error: the stream ended in the middle of the answer\n',
    });
  });

  it('exits 2 when the connection breaks', async () => {
    const result = await askThroughCli(async response => {
      response.write(ndjson(piece('half')));
      await new Promise(setImmediate);
      response.destroy();
    });
    expect(result).toMatchObject({ code: 2, stdout: 'half\n' });
    expect(result.stderr).toMatch(/^Error: the stream broke \(\w+\)\n$/);
  });
});
