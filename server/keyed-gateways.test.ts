// Keys in gateways that run: revoked while one streams, over all that share the file; and what refusing takes.
import { Agent, request } from 'node:http';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createKey, revokeKey, rotateKey } from './access/key-changes.js';
import { answerOf, openStream, parseLines } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { tempFolder } from './testing/temp-folder.js';
import { until } from './testing/until.js';

const TOKENS = 300;
const REVOKED_WITHIN_MS = 5_000;

async function start(file: string): Promise<StartedApp> {
  const app = await startApp({ plan: { tokens: TOKENS, gap_ms: 20 }, env: { MINIVAULT_KEYS_FILE: file } });
  onTestFinished(() => app.close());
  await app.ready();
  return app;
}

async function statusOf({ url }: StartedApp, key: string): Promise<number> {
  const response = await fetch(`${url}/v1/models`, { headers: { Authorization: `Bearer ${key}` } });
  await response.arrayBuffer();
  return response.status;
}

describe('a key that is revoked', () => {
  it('is refused by every gateway of its file within 5 s; what runs by it ends as it would have', async () => {
    const file = path.join(await tempFolder(), 'keys.json');
    const { secret } = await createKey(file, { name: 'ann' });
    const ben = await createKey(file, { name: 'ben' });
    const gateways = await Promise.all([start(file), start(file)]);
    const statuses = (key: string) => Promise.all(gateways.map(gateway => statusOf(gateway, key)));
    expect(await statuses(secret)).toEqual([200, 200]);
    const stream = await openStream(`${gateways[0]?.url}/generate`, {
      body: { prompt: 'run', max_tokens: TOKENS },
      headers: { 'X-API-Key': secret },
    });
    await stream.seen(text => text.includes('"run"'));
    let hasEnded = false;
    void stream.ended.then(() => {
      hasEnded = true;
    });

    const revokedAtMs = performance.now();
    await revokeKey(file, 'ann');
    await until(async () => (await statuses(secret)).every(status => status === 401));
    expect(performance.now() - revokedAtMs).toBeLessThan(REVOKED_WITHIN_MS);
    expect(hasEnded).toBe(false);
    const { text, whole } = await stream.ended;
    expect(whole).toBe(true);
    expect(answerOf(text).split(' ')).toHaveLength(TOKENS);
    expect(parseLines(text).at(-1)).toMatchObject({ done: true });
    expect(await statuses(ben.secret)).toEqual([200, 200]);
    expect((await gateways[0]?.readLog())?.at(-1)).toMatchObject({ caller: 'ann', status: 'completed' });
  });

  it('locks a gateway that had no key before', async () => {
    const file = path.join(await tempFolder(), 'keys.json');
    const gateway = await start(file);
    expect(await statusOf(gateway, 'any')).toBe(200);
    const { secret } = await createKey(file, { name: 'ann' });
    await until(async () => (await statusOf(gateway, 'any')) === 401);
    expect(await statusOf(gateway, secret)).toBe(200);
    await revokeKey(file, 'ann');
    await until(async () => (await statusOf(gateway, secret)) === 401);
  });
});

describe('a refusal', () => {
  const ROUNDS = 3;
  const ASKED = 2_500;
  const MOST_APART = 0.05;

  /** Of the quicker half: what makes the others slow is the machine. */
  function meanOf(times: readonly number[]): number {
    const kept = times.toSorted((a, b) => a - b).slice(0, Math.ceil(times.length / 2));
    return kept.reduce((sum, time) => sum + time, 0) / kept.length;
  }

  it('takes as long for no key as for any wrong one', { timeout: 240_000 }, async () => {
    const file = path.join(await tempFolder(), 'keys.json');
    const gateway = await start(file);
    const { secret } = await createKey(file, { name: 'ann' });
    const { secret: former } = await createKey(file, { name: 'ben' });
    await rotateKey(file, 'ben', 0);
    await gateway.parts.doorkeeper.keys.reload();
    const forms: readonly Record<string, string>[] = [
      // Not a key, and as long on its way.
      { 'X-Filler': `mv_${'x'.repeat(44)}` },
      { 'X-API-Key': `mv_${'x'.repeat(43)}` },
      { 'X-API-Key': secret.replace(/.{4}$/, 'xxxx') },
      { 'X-API-Key': former },
    ];
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const ask = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const beganMs = performance.now();
        request(`${gateway.url}/v1/models`, { agent, headers }, response => {
          response.resume().on('end', () => {
            if (response.statusCode === 401) resolve(performance.now() - beganMs);
            else reject(new Error(`answered with ${response.statusCode}`));
          });
        })
          .on('error', reject)
          .end();
      });
    // Whatever else runs here can only drive the means apart: one quiet round is enough.
    let apart = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && apart >= MOST_APART; round++) {
      const times = forms.map(() => [] as number[]);
      for (let i = 0; i < ASKED; i++) {
        for (let turn = 0; turn < forms.length; turn++) {
          const at = (i + turn) % forms.length;
          times[at]?.push(await ask(forms[at] ?? {}));
        }
      }
      const means = times.map(meanOf);
      apart = Math.max(...means) / Math.min(...means) - 1;
    }
    expect(apart).toBeLessThan(MOST_APART);
  });
});
