// Clients of the two-step chat that leave, come back, or never do.
import { afterEach, describe, expect, it } from 'vitest';
import { jobTextOf, openJobStream, submitJob } from '../testing/job-stream.js';
import { readStream } from '../testing/read-stream.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const ENDLESS = { max_tokens: 100_000 };

let app: StartedApp;
afterEach(async () => {
  await app.close();
  expect(app.parts.admission.running + app.parts.admission.waiting).toBe(0);
});

/** @param graceMs how long a client may be away */
async function start(graceMs: number, tokens = 100_000): Promise<void> {
  app = await startApp({
    plan: { tokens, gap_ms: 10 },
    env: { MINIVAULT_RESUME_GRACE_MS: String(graceMs) },
  });
  await app.ready();
}

const open = (options: Parameters<typeof openJobStream>[2] = {}) => openJobStream(app.url, 'me', options);
const submit = (prompt: string, fields: Record<string, unknown> = {}) =>
  submitJob(app.url, 'me', prompt, fields);
const isIdle = () => app.parts.admission.running + app.parts.admission.waiting === 0;
const lastIdOf = ({ events }: { events(): readonly { readonly id: string }[] }) => events().at(-1)?.id ?? '';

describe('a client that leaves', () => {
  it.each([0, 200])('has its jobs cancelled, running and queued, after a grace of %i ms', async graceMs => {
    await start(graceMs);
    const stream = await open();
    await submit('running', ENDLESS);
    await submit('queued', ENDLESS);
    await stream.heard('token', 3);
    stream.leave();
    await app.until(isIdle);
    await app.until(async () => (await app.readLog().catch(() => [])).length === 1);
    expect(await app.readLog()).toMatchObject([
      {
        prompt: 'running',
        status: 'cancelled',
        dialect: 'job-sse',
        response: expect.stringContaining('running'),
      },
    ]);
    expect((await submit('late')).status).toBe(404);
  });

  it('has its jobs cancelled at once when it says that it will not be back', async () => {
    await start(60_000);
    const stream = await open();
    await submit('running', ENDLESS);
    await stream.heard('token', 3);
    const leave = () => readStream(`${app.url}/api/v1/chat/stream/me`, { method: 'DELETE' });
    expect((await leave()).status).toBe(204);
    expect((await stream.ended).whole).toBe(true);
    await app.until(isIdle);
    expect(await leave()).toMatchObject({
      status: 404,
      text: expect.stringContaining('client_not_connected'),
    });
  });

  it.each(['header', 'query'])('goes on where it was, told by %s', async how => {
    await start(60_000, 60);
    const before = await open();
    await submit('one two');
    await before.heard('token', 5);
    const id = lastIdOf(before);
    before.leave();
    await app.until(() => app.parts.jobs.connected === 0);
    const after = await open(
      how === 'header' ? { headers: { 'Last-Event-ID': id } } : { query: `?last_event_id=${id}` },
    );
    await after.heard('done');
    const seen = before.events().findIndex(event => event.id === id);
    const events = [...before.events().slice(0, seen + 1), ...after.events()];
    expect(jobTextOf(events)).toBe(Array(30).fill('one two').join(' '));
    expect(new Set(events.map(event => event.id)).size).toBe(events.length);
    after.leave();
  });

  it.each(['garbage', '0192f0c1-0000-7000-8000-000000000000:3', 'x:y:z'])(
    'gets the text so far as a reset when it comes back with %j',
    async id => {
      await start(60_000, 60);
      const before = await open();
      await submit('one two');
      await before.heard('token', 5);
      before.leave();
      const after = await open({ headers: { 'Last-Event-ID': id } });
      await after.heard('done');
      expect(after.events()[0]?.event).toBe('reset');
      expect(jobTextOf(after.events())).toBe(Array(30).fill('one two').join(' '));
      after.leave();
    },
  );

  it('may read an ended job again by name, but not for ever', async () => {
    await start(300, 4);
    const stream = await open();
    const { body } = await submit('one two');
    await stream.heard('done');
    stream.leave();
    const read = (seq: number) =>
      readStream(`${app.url}/api/v1/chat/stream/me?from=${body.job_id}:${seq}`, { method: 'GET' });
    expect(await read(2)).toMatchObject({
      status: 200,
      whole: true,
      text: expect.stringContaining('event: done'),
    });
    await app.until(async () => (await read(2)).status === 410);
    expect(JSON.parse((await read(2)).text)).toMatchObject({ code: 'job_expired' });
  });

  it('does not hold up the jobs of others', async () => {
    await start(200);
    const stream = await open();
    await submit('endless', ENDLESS);
    await stream.heard('token');
    stream.leave();
    const other = await openJobStream(app.url, 'other');
    await submitJob(app.url, 'other', 'next', { max_tokens: 2 });
    await other.heard('done');
    expect(jobTextOf(other.events())).toBe('next next');
    other.leave();
  });
});
