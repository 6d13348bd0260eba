// Each limit of time under its own code, over HTTP: in the stream where it has begun, as a status where it has not.
import { afterEach, describe, expect, it } from 'vitest';
import { openStream, parseLines, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(() => app.close());

const body = (prompt: string) => ({ body: { prompt, max_tokens: 100_000 } });
const whole = (content: string) => ({
  body: { messages: [{ role: 'user', content }], max_tokens: 100_000 },
});

async function start(env: Record<string, string>): Promise<void> {
  app = await startApp({
    plan: {
      tokens: 100_000,
      gap_ms: 20,
      rules: [
        { match: 'slow to begin', prefill_ms: 600_000 },
        { match: 'slow to go on', at: 3, do: 'hang' },
        { match: 'short', tokens: 2 },
      ],
    },
    env: { MINIVAULT_WORKER_STOP_TIMEOUT_MS: '300', ...env },
  });
  await app.ready();
}

const LIMITS = [
  ['first_token_timeout', 'MINIVAULT_FIRST_TOKEN_TIMEOUT_MS', 'slow to begin', 504],
  ['token_gap_timeout', 'MINIVAULT_TOKEN_GAP_TIMEOUT_MS', 'slow to go on', 504],
  ['generation_timeout', 'MINIVAULT_GENERATION_TIMEOUT_MS', 'endless', 504],
] as const;

describe('an answer that takes too long', () => {
  it.each(LIMITS)(
    'ends as %s (%s), streamed and whole, and the next is answered',
    async (code, setting, prompt, status) => {
      await start({ [setting]: '700' });
      const streamed = await readStream(`${app.url}/generate`, body(prompt));
      expect([streamed.status, streamed.whole]).toEqual([200, true]);
      expect(parseLines(streamed.text).at(-1)).toMatchObject({ done: true, error: { code } });
      const answer = await readStream(`${app.url}/v1/chat/completions`, whole(prompt));
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code } });
      expect(answer.headers['x-should-retry']).toBe('false');
      const text = parseLines(streamed.text)
        .map(({ response }) => response)
        .join('');
      const [line] = await app.readLog();
      if (text === '') expect(line).toBeUndefined();
      else expect(line).toMatchObject({ status: 'failed', error: { code } });
      if (text !== '') expect(String(line?.response).startsWith(text)).toBe(true);
      const next = await readStream(`${app.url}/generate`, { body: { prompt: 'short' } });
      expect(parseLines(next.text).at(-1)).toMatchObject({ done: true, done_reason: 'stop' });
    },
  );

  it('has its clock start with its turn: a wait in the line does not count', async () => {
    await start({ MINIVAULT_GENERATION_TIMEOUT_MS: '1500' });
    const running = await openStream(`${app.url}/generate`, body('endless'));
    const waiting = await openStream(`${app.url}/generate`, { body: { prompt: 'short' } });
    expect(parseLines((await running.ended).text).at(-1)).toMatchObject({
      error: { code: 'generation_timeout' },
    });
    expect(parseLines((await waiting.ended).text).at(-1)).toMatchObject({ done_reason: 'stop' });
  });
});

describe('a wait that takes too long', () => {
  it('ends as queue_timeout: 503 with a time to come back, or the last line of a stream', async () => {
    await start({ MINIVAULT_QUEUE_TIMEOUT_MS: '500' });
    const running = await openStream(`${app.url}/generate`, body('endless'));
    const [answer, streamed] = await Promise.all([
      readStream(`${app.url}/v1/chat/completions`, whole('late')),
      readStream(`${app.url}/generate`, body('late')),
    ]);
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([503, 'queue_timeout']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(answer.headers['x-should-retry']).toBe('true');
    expect(parseLines(streamed.text).at(-1)).toMatchObject({ error: { code: 'queue_timeout' } });
    running.leave();
    await app.until(() => app.parts.admission.isQuiet);
  });
});
