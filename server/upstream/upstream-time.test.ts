// Who may leave, and how long anything may take: whatever ends an answer here closes the connection there.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import type { Script } from '../testing/scripted-gateway.js';
import { chunk, openStream, scriptedUpstream } from '../testing/scripted-upstream.js';
import { until } from '../testing/until.js';

const never = neverAborted();
const timeouts = { firstTokenMs: 10_000, tokenGapMs: 10_000, wholeMs: 20_000, backoffMs: 5 };

/** Says something and then no more; tells when its client has hung up. */
function silentAfter(text: string) {
  let hungUp = false;
  const script: Script = response => {
    response.on('close', () => {
      hungUp = true;
    });
    openStream(response).write(text === '' ? ': ping\n\n' : text);
  };
  return { script, hungUp: () => hungUp };
}

describe('time', () => {
  it.each([
    ['first word', 'first_token_timeout', '', { ...timeouts, firstTokenMs: 400 }, /No token within 400 ms/],
    [
      'next word',
      'token_gap_timeout',
      chunk({ content: 'a' }),
      { ...timeouts, tokenGapMs: 60 },
      /No token for 60 ms/,
    ],
    [
      'end',
      'generation_timeout',
      chunk({ content: 'a' }),
      { ...timeouts, wholeMs: 400 },
      /No end within 400 ms/,
    ],
  ])('for the %s is bounded, and the connection closed', async (_, code, said, limits, message) => {
    const { script, hungUp } = silentAfter(said);
    const { backend, server } = await scriptedUpstream(script, { timeouts: limits });
    const run = backend.generate(sampleRequest(), never);
    const { error } = await readRun(run);
    expect(error).toMatchObject({ code });
    expect(error?.message).toMatch(message);
    expect(await run.settled).toMatchObject({ status: 'failed', text: said === '' ? '' : 'a' });
    expect(server.requests).toHaveLength(1);
    await until(hungUp);
  });

  it('to wait before another try is bounded by the first word’s, too', async () => {
    const { backend, server } = await scriptedUpstream(response => void response.destroy(), {
      timeouts: { ...timeouts, firstTokenMs: 10_000, backoffMs: 20_000 },
    });
    const { error } = await readRun(backend.generate(sampleRequest(), never));
    expect(error?.code).toBe('upstream_unavailable');
    expect(server.requests).toHaveLength(1);
  });
});

describe('a client', () => {
  it.each([
    ['while it waits for an answer', ''],
    ['in the middle of one', chunk({ content: 'a' })],
  ])('that leaves %s hangs up at once', async (_, said) => {
    const { script, hungUp } = silentAfter(said);
    const { backend, server } = await scriptedUpstream(script);
    const leaving = new AbortController();
    const run = backend.generate(sampleRequest(), leaving.signal);
    const reading = readRun(run);
    await until(() => server.requests.length === 1);
    await sleep(20);
    leaving.abort();
    const { events, error } = await reading;
    expect(error).toBeNull();
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'cancelled' });
    expect(await run.settled).toMatchObject({ status: 'cancelled', text: said === '' ? '' : 'a' });
    await until(hungUp);
    expect(backend.status()).toMatchObject({ running: 0, upstream: { isDown: false } });
  });

  it('that was gone before it came is asked for by nobody', async () => {
    const { backend, server } = await scriptedUpstream(silentAfter('').script);
    const run = backend.generate(sampleRequest(), AbortSignal.abort());
    expect((await readRun(run)).events).toMatchObject([{ type: 'done', reason: 'cancelled' }]);
    expect(await run.settled).toMatchObject({ status: 'cancelled' });
    expect(server.requests).toEqual([]);
  });

  it('that only stops reading leaves, too', async () => {
    const { script, hungUp } = silentAfter(chunk({ content: 'a' }));
    const { backend } = await scriptedUpstream(script);
    const run = backend.generate(sampleRequest(), never);
    for await (const batch of run.events) if (batch.some(({ type }) => type === 'token')) break;
    expect(await run.settled).toMatchObject({ status: 'cancelled', text: 'a' });
    await until(hungUp);
  });

  it('that does not read is cut off at a mebibyte', async () => {
    const piece = chunk({ content: 'x'.repeat(64 * 1024) });
    const { backend } = await scriptedUpstream(async response => {
      openStream(response);
      while (!response.destroyed) if (!response.write(piece)) await sleep(1);
    });
    const run = backend.generate(sampleRequest(), never);
    const outcome = await run.settled;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'client_too_slow' } });
    expect(outcome.text.length).toBeLessThan(2 * 1024 * 1024);
  });
});

it('a gateway that stops ends what runs', async () => {
  const { script, hungUp } = silentAfter(chunk({ content: 'a' }));
  const { backend } = await scriptedUpstream(script);
  const run = backend.generate(sampleRequest(), never);
  const reading = readRun(run);
  await sleep(50);
  await backend.stop();
  expect((await reading).error?.code).toBe('shutting_down');
  expect(await run.settled).toMatchObject({ status: 'failed', text: 'a' });
  await until(hungUp);
  expect(backend.status().state).toBe('stopped');
});
