// The streams of systems C, D and E as curl sees them.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dataOf, readEvents } from '../testing/read-events.js';
import { type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

const run = promisify(execFile);
/** curl's own code for a body that ended too early. */
const PARTIAL_FILE = 18;

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({ plan: { tokens: 4, rules: [{ match: 'POISON', at: 2, do: 'exit:139' }] } });
  await app.ready();
});
afterAll(() => app.close());

interface Curled {
  readonly code: number;
  readonly stdout: string;
}

async function curl(path: string, body: unknown): Promise<Curled> {
  const args = [
    '-sSN',
    '-H',
    'Content-Type: application/json',
    '-d',
    JSON.stringify(body),
    `${app.url}${path}`,
  ];
  const failed = (error: { code: number; stdout: string }) => ({ code: error.code, stdout: error.stdout });
  return run('curl', args).then(({ stdout }) => ({ code: 0, stdout }), failed);
}

const ask = (content: string) => ({ messages: [{ role: 'user', content }] });

describe('curl', () => {
  it('hears a job on the stream it has opened', async () => {
    const listener = spawn('curl', ['-sSN', `${app.url}/api/v1/chat/stream/curl`]);
    onTestFinished(() => void listener.kill());
    let heard = '';
    listener.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await until(() => heard.includes(': connected'));
    const { stdout } = await curl('/api/v1/chat/submit', { prompt: 'one two', client_id: 'curl' });
    expect(JSON.parse(stdout)).toMatchObject({ status: 'queued', position: 0 });
    await until(() => heard.includes('event: done'));
    const names = readEvents(heard).events.map(({ event }) => event);
    expect(names).toEqual(['queued', 'started', 'token', 'token', 'token', 'token', 'done']);
  });

  it('reads a chat to its [DONE]', async () => {
    const { code, stdout } = await curl('/api/v1/chat', ask('one two'));
    expect([code, dataOf(stdout).at(-1)]).toEqual([0, '[DONE]']);
    expect(await curl('/api/v1/chat', { ...ask('one two'), stream: false })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"content":"one two one two"'),
    });
  });

  it('reads bare text, and says so when it was cut', async () => {
    expect(await curl('/stream', { prompt: 'one two' })).toEqual({ code: 0, stdout: 'one two one two' });
    expect(await curl('/stream?stream_format=text', { prompt: 'POISON' })).toEqual({
      code: PARTIAL_FILE,
      stdout: 'POISON POISON',
    });
  });

  it("reads OpenAI's chunks to their [DONE]", async () => {
    const { stdout } = await curl('/stream?stream_format=openai', { prompt: 'one two' });
    expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});
