// Two gateways of this program, one the upstream of the other, when the one behind is not well.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type GatewayProcess, spawnGateway } from './testing/gateway-process.js';
import { ask, closeGateways, KEY, startBack, startFront } from './testing/two-gateways.js';
import { until } from './testing/until.js';

afterAll(closeGateways);

describe('a gateway behind', () => {
  it('that is still loading has its prompts wait, as its own would', async () => {
    const back = await startBack({ tokens: 2, load_ms: 800 });
    const { front } = await startFront(back.url);
    const answer = await (await ask(front.url, '/generate', { prompt: 'a b' })).text();
    expect(answer).toContain('"done_reason":"stop"');
  });

  it('that is full has its refusal passed on when it wants more time than there is', async () => {
    const plan = { rules: [{ match: 'LONG', tokens: 5_000, gap_ms: 5 }], slots: 1 };
    const back = await startBack(plan, { MINIVAULT_QUEUE_MAX_WAITING: '0' });
    await back.ready();
    const { front } = await startFront(back.url, { MINIVAULT_FIRST_TOKEN_TIMEOUT_MS: '2000' });
    const leaving = new AbortController();
    const long = fetch(`${back.url}/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': KEY },
      body: JSON.stringify({ prompt: 'LONG', max_tokens: 5_000 }),
      signal: leaving.signal,
    });
    await (await long).body?.getReader().read();
    const response = await ask(front.url, '/v1/chat/completions', {
      model: 'fake',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(2);
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_unavailable' } });
    leaving.abort();
  });

  it('that does not know the key makes this one unready, with the remedy', async () => {
    const back = await startBack({ tokens: 2 });
    const { front } = await startFront(back.url, { OPENAI_API_KEY: 'wrong' });
    await until(async () => (await fetch(`${front.url}/readyz`)).status === 503);
    expect(await (await fetch(`${front.url}/readyz`)).text()).toContain('OPENAI_API_KEY');
    const response = await ask(front.url, '/api/chat', {
      messages: [{ role: 'user', content: 'x' }],
      stream: false,
    });
    expect(response.status).toBe(502);
    expect(await (await fetch(`${front.url}/health`)).json()).toMatchObject({ status: 'degraded' });
  });
});

describe('a gateway behind that is killed', () => {
  const gateways: GatewayProcess[] = [];
  afterEach(() => {
    for (const { child } of gateways.splice(0)) child.kill('SIGKILL');
  });

  it('ends the answer with an error, its text kept here, and answers again when it is back', async () => {
    const plan = { rules: [{ match: 'LONG', tokens: 5_000, gap_ms: 5 }], tokens: 2 };
    const first = await spawnGateway({ plan });
    gateways.push(first);
    const url = await first.url();
    const { front } = await startFront(url);
    await front.ready();
    const response = await ask(front.url, '/generate', { prompt: 'LONG', max_tokens: 5_000 });
    let answer = '';
    for await (const piece of response.body ?? []) {
      answer += Buffer.from(piece).toString();
      if (answer.includes('LONG') && !first.child.killed) first.child.kill('SIGKILL');
    }
    await first.exited;
    expect(answer).toContain('"code":"incomplete_generation"');
    const [kept] = await front.readLog();
    expect(kept).toMatchObject({ status: 'failed', error: { code: 'incomplete_generation' } });
    expect(String(kept?.response)).toContain('LONG');

    const away = await ask(front.url, '/v1/chat/completions', {
      model: 'fake',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('5');
    expect((await fetch(`${front.url}/readyz`)).status).toBe(503);

    const second = await spawnGateway({ plan, dir: first.dir, env: { PORT: new URL(url).port } });
    gateways.push(second);
    await second.url();
    const again = await (await ask(front.url, '/generate', { prompt: 'a b' })).text();
    expect(again).toContain('"done_reason":"stop"');
    expect((await fetch(`${front.url}/readyz`)).status).toBe(200);
  }, 30_000);
});
