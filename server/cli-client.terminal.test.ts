// The CLI client as a program at a terminal: signals, pipes that close, and against a whole gateway.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askThroughCli, runCli, useCli } from './testing/cli-process.js';
import { answer, done, ndjson, piece, scriptedGateway } from './testing/scripted-gateway.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { until } from './testing/until.js';

const PYTHON = path.resolve(import.meta.dirname, '../.venv/bin/python');

useCli();

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
    const client = runCli(['--url', gateway.url, 'hello']);
    await until(() => client.stdout().includes('more'));
    client.child.kill('SIGINT');
    expect(await client.ended).toBe(130);
    await until(() => state.isGone);
    expect(client.stderr()).toBe('');
    expect(client.stdout()).toMatch(/^(more )+\n$/);
  });

  it('exits 130 on Ctrl-C before the first byte, too', async () => {
    const gateway = await scriptedGateway(() => undefined);
    const client = runCli(['--url', gateway.url, 'hello']);
    await until(() => gateway.requests.length === 1);
    client.child.kill('SIGINT');
    expect(await client.ended).toBe(130);
    expect(client.stderr()).toBe('');
  });

  it('ends quietly, and the generation with it, when nobody reads its output any more', async () => {
    const { gateway, state } = await endless();
    const client = runCli(['--url', gateway.url, 'hello']);
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
    expect(await askThroughCli(answer(waiting))).toMatchObject({
      code: 0,
      stderr: '',
      stdout: 'an\x1b[31mswer\n\twith tab\n',
    });
  });

  it('shows on a terminal what it waits for, and lets no answer drive the terminal', async () => {
    const gateway = await scriptedGateway(answer(waiting));
    const pty = [PYTHON, '-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'];
    const client = runCli(['--url', gateway.url, 'hello'], { under: pty });
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toBe(
      '\r\x1b[Kloading\r\x1b[Kqueued, position 3\r\x1b[Kan[31mswer\r\n\twith tab\r\n',
    );
  });
});

describe('the CLI client and the real gateway', () => {
  let app: StartedApp;

  beforeAll(async () => {
    app = await startApp({ plan: { rules: [{ match: 'endless', tokens: 100_000, gap_ms: 2 }] } });
  }, 30_000);

  afterAll(() => app?.close());

  it('waits until the model is loaded and prints its answer', async () => {
    const client = runCli(['--url', app.url, 'Grüße 👋']);
    expect(await client.ended).toBe(0);
    expect(client.stdout()).toMatch(/^Grüße 👋( Grüße 👋)+\n$/);
  });

  it('cancels the generation on Ctrl-C', async () => {
    const client = runCli(['--url', app.url, 'endless story']);
    await until(() => client.stdout().includes('story'));
    client.child.kill('SIGINT');
    expect(await client.ended).toBe(130);
    await until(async () => (await app.readLog()).some(({ prompt }) => prompt === 'endless story'));
    const exchange = (await app.readLog()).find(({ prompt }) => prompt === 'endless story');
    expect(exchange).toMatchObject({ status: 'cancelled' });
  });

  it('tells what was wrong with the prompt', async () => {
    const client = runCli(['--url', app.url, '   ']);
    expect(await client.ended).toBe(2);
    expect(client.stderr()).toBe('Error: Invalid prompt: must not be blank (invalid_request)\n');
  });
});
