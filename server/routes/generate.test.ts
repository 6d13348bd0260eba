import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, openStream, parseLines, readStream } from '../testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';

let app: StartedApp;
afterEach(async () => {
  const { admission, worker } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  await app.close();
});

async function start(options: StartAppOptions = {}): Promise<void> {
  app = await startApp(options);
}

const generate = (prompt: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  readStream(`${app.url}/generate`, { body: { prompt, ...more }, headers });
const open = (prompt: string, more: Record<string, unknown> = {}) =>
  openStream(`${app.url}/generate`, { body: { prompt, ...more } });
const terminalOf = (text: string) => parseLines(text).at(-1) ?? {};

describe('POST /generate', () => {
  it('streams a line a token and ends with one done line that tells usage and timings', async () => {
    await start({ plan: { tokens: 6 } });
    const { status, headers, text, whole } = await generate('alpha beta gamma');
    expect([status, whole]).toEqual([200, true]);
    const lines = parseLines(text).filter(line => line.status === undefined);
    expect(lines.slice(0, -1).map(line => line.response)).toEqual([
      'alpha',
      ' beta',
      ' gamma',
      ' alpha',
      ' beta',
      ' gamma',
    ]);
    expect(lines.at(-1)).toMatchObject({
      response: '',
      done: true,
      done_reason: 'stop',
      id: headers['x-exchange-id'],
      usage: { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 6 },
    });
  });

  it('writes the exchange to the log before the client hears of its end', async () => {
    await start({ plan: { tokens: 3 } });
    const { text, headers } = await readStream(`${app.url}/generate`, {
      body: { prompt: 'one two', seed: 5 },
      headers: { 'X-Request-ID': 'req-7' },
    });
    const [line] = await app.readLog();
    expect(Object.keys(line ?? {}).slice(0, 3)).toEqual(['timestamp', 'prompt', 'response']);
    expect(line).toMatchObject({
      prompt: 'one two',
      response: answerOf(text),
      id: headers['x-exchange-id'],
      status: 'completed',
      request_id: 'req-7',
      dialect: 'simple-ndjson',
      parameters: { max_tokens: 300, seed: 5 },
      usage: { completion_tokens: 3 },
    });
  });

  it('answers with bare text when that is what the client accepts', async () => {
    await start({ plan: { tokens: 4 } });
    const { headers, text } = await generate('alpha beta', {}, { Accept: 'text/plain' });
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text).toBe('alpha beta alpha beta');
  });

  it.each(['*/*', 'application/x-ndjson', 'application/json, text/plain, */*', 'text/html,*/*;q=0.8'])(
    'answers with NDJSON to Accept: %s',
    async accept => {
      await start({ plan: { tokens: 1 } });
      const { headers } = await generate('alpha', {}, { Accept: accept });
      expect(headers['content-type']).toContain('application/x-ndjson');
    },
  );

  it('refuses what it cannot write', async () => {
    await start();
    expect((await generate('a', {}, { Accept: 'image/png' })).status).toBe(406);
  });

  it.each([
    [{}, { error: 'Missing prompt', param: 'prompt' }],
    [{ prompt: '' }, { error: 'Invalid prompt', param: 'prompt' }],
    [{ prompt: 'x'.repeat(5_001) }, { error: 'Invalid prompt', param: 'prompt' }],
    [
      { prompt: 'x', max_token: 3 },
      { error: 'Unknown field "max_token".', param: 'max_token' },
    ],
  ])('refuses %j with 400 and goes on', async (body, expected) => {
    await start({ plan: { tokens: 1 } });
    const { status, text } = await readStream(`${app.url}/generate`, { body });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ ...expected, code: 'invalid_request' });
    expect((await generate('alpha')).status).toBe(200);
  });

  it('answers all 20 prompts sent while the model loads, each with its own text, in order', async () => {
    await start({ plan: { load_ms: 500, tokens: 8 } });
    const prompts = Array.from({ length: 20 }, (_, i) => `nonce-${i}-${'z'.repeat(i)}`);
    const answers = await Promise.all(prompts.map(prompt => generate(prompt)));
    answers.forEach(({ text }, i) => {
      expect(answerOf(text)).toBe(Array(8).fill(prompts[i]).join(' '));
    });
    const log = await app.readLog();
    expect(log).toHaveLength(20);
    for (const line of log) expect(line.response).toBe(Array(8).fill(line.prompt).join(' '));
  });

  it('sends headers and the place in the line to a client that must wait', async () => {
    await start({ plan: { load_ms: 400, tokens: 1 } });
    const first = await open('a');
    const second = await open('b');
    await second.seen(text => text.includes('\n'));
    expect(parseLines(second.text())[0]).toEqual({
      response: '',
      status: 'queued',
      position: 2,
      estimated_wait_ms: null,
    });
    expect(answerOf((await first.ended).text)).toBe('a');
    expect(answerOf((await second.ended).text)).toBe('b');
  });

  it('repeats the place in the line so that nothing between closes a silent connection', async () => {
    await start({ plan: { load_ms: 700, tokens: 1 }, env: { MINIVAULT_HEARTBEAT_INTERVAL_MS: '100' } });
    const { text } = await generate('a');
    expect(parseLines(text).filter(line => line.status === 'queued').length).toBeGreaterThanOrEqual(3);
  });

  it('refuses at once what the queue cannot hold, and keeps every promise it made', async () => {
    await start({
      plan: { tokens: 3, gap_ms: 30 },
      env: { MINIVAULT_QUEUE_MAX_WAITING: '3' },
    });
    await app.ready();
    const running = await open('r');
    await running.seen(text => text.includes('"r"'));
    const waiting = await Promise.all([open('w1'), open('w2'), open('w3')]);
    const beganMs = performance.now();
    const refused = await generate('late');
    expect(performance.now() - beganMs).toBeLessThan(50);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'queue_full' });
    for (const [i, stream] of waiting.entries()) {
      expect(answerOf((await stream.ended).text)).toBe(
        Array(3)
          .fill(`w${i + 1}`)
          .join(' '),
      );
    }
  });

  it('never shows the worker a prompt whose client left the line', async () => {
    await start({ plan: { load_ms: 400, tokens: 2 } });
    const leavers = await Promise.all(Array.from({ length: 10 }, (_, i) => open(`leaver-${i}`)));
    const stayer = await open('stayer');
    for (const leaver of leavers) leaver.leave();
    expect(answerOf((await stayer.ended).text)).toBe('stayer stayer');
    expect((await app.readLog()).map(line => line.prompt)).toEqual(['stayer']);
    expect(app.parts.worker.status().protocolFaults).toEqual({});
  });

  it('stops a client that leaves before its first token without a trace in the log', async () => {
    await start({ plan: { tokens: 5, rules: [{ match: 'slow', prefill_ms: 60_000 }] } });
    await app.ready();
    const stream = await open('slow one');
    await app.until(() => app.parts.worker.status().running === 1);
    stream.leave();
    const beganMs = performance.now();
    expect(answerOf((await generate('next')).text)).toBe('next next next next next');
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect((await app.readLog()).map(line => line.prompt)).toEqual(['next']);
  });

  it('stops a client that leaves midway and keeps what had been said', async () => {
    await start({ plan: { tokens: 100_000, gap_ms: 2, rules: [{ match: 'next', tokens: 1 }] } });
    const stream = await open('word', { max_tokens: 100_000 });
    await stream.seen(text => answerOf(text.slice(0, text.lastIndexOf('\n'))).length > 40);
    const seen = answerOf(stream.text().slice(0, stream.text().lastIndexOf('\n')));
    stream.leave();
    expect(answerOf((await generate('next')).text)).toBe('next');
    const [cancelled] = await app.readLog();
    expect(cancelled).toMatchObject({ status: 'cancelled', reason: 'cancelled', prompt: 'word' });
    expect(String(cancelled?.response).startsWith(seen)).toBe(true);
  });

  it('ends a stream whose worker dies midway with an error, keeps the text, and serves the next', async () => {
    await start({ plan: { tokens: 10, rules: [{ match: 'DIE', at: 4, do: 'exit:139', times: 1 }] } });
    const { status, text, whole } = await generate('DIE soon');
    expect([status, whole]).toEqual([200, true]);
    expect(terminalOf(text)).toMatchObject({
      done: true,
      done_reason: 'error',
      error: { code: 'worker_crashed' },
    });
    expect(answerOf(text)).toBe('DIE soon DIE soon');
    expect(answerOf((await generate('alive')).text)).toContain('alive');
    expect(await app.readLog()).toMatchObject([
      {
        prompt: 'DIE soon',
        response: 'DIE soon DIE soon',
        status: 'failed',
        error: { code: 'worker_crashed' },
      },
      { prompt: 'alive', status: 'completed' },
    ]);
  });

  it('breaks a plain text answer whose worker dies, so that it cannot look whole', async () => {
    await start({ plan: { tokens: 10, rules: [{ match: 'DIE', at: 4, do: 'exit:139', times: 1 }] } });
    const { text, whole } = await generate('DIE soon', {}, { Accept: 'text/plain' });
    expect([text, whole]).toEqual(['DIE soon DIE soon', false]);
  });

  it('hides the death of a worker that had not yet said anything', async () => {
    await start({ plan: { tokens: 3, rules: [{ match: 'DIE', do: 'exit:139', times: 1 }] } });
    const { text } = await generate('DIE first');
    expect(answerOf(text)).toBe('DIE first DIE');
    expect(terminalOf(text)).toMatchObject({ done_reason: 'stop' });
  });

  it('refuses a prompt over the context with 400 and both numbers once the tokenizer can be asked', async () => {
    await start({ plan: { context_length: 100, tokens: 1 } });
    await app.ready();
    const words = (count: number) => Array(count).fill('w').join(' ');
    expect((await generate(words(99))).status).toBe(200);
    for (const count of [100, 101]) {
      const { status, text } = await generate(words(count));
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ code: 'context_length_exceeded' });
      expect(JSON.parse(text).error).toContain(String(count));
      expect(JSON.parse(text).error).toContain('context holds 100');
    }
  });

  it('says so in the stream when the model was still loading', async () => {
    await start({ plan: { load_ms: 300, context_length: 100 } });
    const { status, text } = await generate(Array(150).fill('w').join(' '));
    expect(status).toBe(200);
    expect(terminalOf(text)).toMatchObject({ done: true, error: { code: 'context_length_exceeded' } });
  });

  it('does not let a slow reader hold the slot or the log', async () => {
    await start({ plan: { tokens: 5_000, rules: [{ match: 'next', tokens: 1 }] } });
    const slow = await open('slow', { max_tokens: 100_000 });
    slow.pause();
    expect(answerOf((await generate('next')).text)).toBe('next');
    expect((await app.readLog()).map(line => line.prompt)).toEqual(['slow', 'next']);
    slow.resume();
    const { text, whole } = await slow.ended;
    expect(whole).toBe(true);
    expect(answerOf(text)).toBe(Array(5_000).fill('slow').join(' '));
  });
});
