// Clients that leave or dawdle, at every token and in every way a connection can end.
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, openStream, readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const LAST_TOKEN = 20;

let app: StartedApp;
afterEach(async () => {
  const { admission, worker } = app.parts;
  await app.until(() => admission.running + admission.waiting + worker.status().running === 0);
  await app.close();
});

const occurrences = (text: string, part: string) => text.split(part).length - 1;

/** Leaves once `tokens` lines have come, by a FIN or by a reset. */
function leaveAt(tokens: number, how: 'fin' | 'reset'): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.url);
    const body = JSON.stringify({ prompt: `leaver${tokens}`, max_tokens: 100_000 });
    const socket = connect(Number(port), hostname);
    let text = '';
    const leave = () => {
      const seen = occurrences(text, '"response":"leaver') + occurrences(text, '"response":" leaver');
      if (seen < tokens || !text.includes('\r\n\r\n')) return;
      socket.removeAllListeners('data');
      if (how === 'fin') socket.destroy();
      else socket.resetAndDestroy();
      resolve(seen);
    };
    socket.on('error', reject);
    socket.on('data', chunk => {
      text += chunk.toString();
      leave();
    });
    socket.write(
      `POST /generate HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

describe('a client that leaves', () => {
  it.each(['fin', 'reset'] as const)(
    `by %s at any token from 0 to ${LAST_TOKEN} frees the slot and its text is kept`,
    async how => {
      app = await startApp({ plan: { tokens: 100_000, gap_ms: 2, rules: [{ match: 'next', tokens: 2 }] } });
      await app.ready();
      for (let tokens = 0; tokens <= LAST_TOKEN; tokens++) {
        const seen = await leaveAt(tokens, how);
        const { text } = await readStream(`${app.url}/generate`, { body: { prompt: 'next' } });
        expect(answerOf(text)).toBe('next next');
        const kept = (await app.readLog()).find(({ prompt }) => prompt === `leaver${tokens}`);
        if (seen > 0) expect(kept).toMatchObject({ status: 'cancelled' });
        expect(occurrences(String(kept?.response ?? ''), 'leaver')).toBeGreaterThanOrEqual(seen);
      }
    },
  );

  it('keeps its slot until the worker has acknowledged, however late', async () => {
    await startSlowToCancel();
    const leaver = await openStream(`${app.url}/generate`, { body: { prompt: 'SLOW', max_tokens: 100_000 } });
    await leaver.seen(text => text.includes('"SLOW"'));
    leaver.leave();
    const beganMs = performance.now();
    const { text } = await readStream(`${app.url}/generate`, { body: { prompt: 'next' } });
    expect(performance.now() - beganMs).toBeGreaterThan(250);
    expect(answerOf(text)).toBe('next');
    expect(app.parts.worker.status().restarts).toBe(0);
  });

  it('leaves nothing of its late tokens in the answer of the next', async () => {
    app = await startApp({
      plan: {
        tokens: 100_000,
        gap_ms: 2,
        rules: [
          { match: 'LATE', do: 'late' },
          { match: 'next', tokens: 8 },
        ],
      },
    });
    const leaver = await openStream(`${app.url}/generate`, { body: { prompt: 'LATE', max_tokens: 100_000 } });
    await leaver.seen(text => text.includes('"LATE"'));
    leaver.leave();
    const { text } = await readStream(`${app.url}/generate`, { body: { prompt: 'next' } });
    expect(answerOf(text)).toBe(Array(8).fill('next').join(' '));
    await app.until(() => (app.parts.worker.status().protocolFaults.unknown_id ?? 0) >= 3);
  });
});

async function startSlowToCancel(): Promise<void> {
  app = await startApp({
    plan: {
      tokens: 100_000,
      gap_ms: 2,
      rules: [
        { match: 'SLOW', do: 'slow_cancel:300' },
        { match: 'next', tokens: 1 },
      ],
    },
  });
}

describe('a client that takes nothing', () => {
  it('does not hold up one that reads, were there fifty of them', async () => {
    app = await startApp({ plan: { slots: 64, tokens: 2_000, rules: [{ match: 'reader', tokens: 500 }] } });
    await app.ready();
    const dawdlers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const stream = await openStream(`${app.url}/generate`, {
          body: { prompt: `dawdler${i}`, max_tokens: 2_000 },
        });
        stream.pause();
        return stream;
      }),
    );
    const { text, whole } = await readStream(`${app.url}/generate`, {
      body: { prompt: 'reader', max_tokens: 500 },
    });
    expect([whole, answerOf(text)]).toEqual([true, Array(500).fill('reader').join(' ')]);
    for (const [i, dawdler] of dawdlers.entries()) {
      dawdler.resume();
      expect(answerOf((await dawdler.ended).text)).toBe(Array(2_000).fill(`dawdler${i}`).join(' '));
    }
  });

  it('is cut off, and so is its generation, when too much waits for it', async () => {
    app = await startApp({ plan: { tokens: 100_000 }, env: { MINIVAULT_WRITE_STALL_TIMEOUT_MS: '60000' } });
    const dawdler = await openStream(`${app.url}/generate`, {
      body: { prompt: 'w'.repeat(1_000), max_tokens: 100_000 },
    });
    dawdler.pause();
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    const [kept] = await app.readLog();
    expect(kept).toMatchObject({ status: 'failed', error: { code: 'client_too_slow' } });
    expect(String(kept?.response).length).toBeLessThan(100_000_000);
    dawdler.resume();
    expect((await dawdler.ended).whole).toBe(false);
  });
});
