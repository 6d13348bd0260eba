import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { createJobs, GRACE_MS, listen, textOf, typesOf } from '../testing/job-listener.js';

describe('jobs', () => {
  useFakeClock();

  it('are told on the stream of their client, from their place in the line to their end', async () => {
    const { jobs, submit } = createJobs();
    const { heard } = await listen(jobs);
    const { id, run } = await submit();
    run.say({ type: 'started', promptTokens: 3, cachedTokens: 0 });
    run.write('a', 'b');
    run.end();
    await soon();
    expect(typesOf(heard)).toEqual(['connected', 'queued', 'started', 'token', 'token', 'done']);
    expect(heard.slice(1).map(event => event.type === 'job' && [event.jobId, event.seq])).toEqual(
      [1, 2, 3, 4, 5].map(seq => [id, seq]),
    );
  });

  it('are refused for a client without a stream', async () => {
    const { jobs, submit } = createJobs();
    await expect(submit()).rejects.toMatchObject({ code: 'client_not_connected', param: 'client_id' });
    const { leave } = await listen(jobs);
    await submit();
    leave();
    await soon();
    await expect(submit()).rejects.toMatchObject({ code: 'client_not_connected' });
  });

  it('of one client are told one after the other, however they run', async () => {
    const { jobs, submit } = createJobs();
    const { heard } = await listen(jobs);
    const first = await submit();
    const second = await submit();
    second.run.write('B');
    second.run.end();
    first.run.write('A');
    await soon();
    expect(textOf(heard)).toBe('A');
    first.run.end();
    await soon();
    expect(typesOf(heard).slice(1)).toEqual(['queued', 'token', 'done', 'queued', 'token', 'done']);
    expect(textOf(heard)).toBe('AB');
  });

  it('say that the model loads', async () => {
    const { jobs, submit } = createJobs({ loading: () => ({ stage: 'weights', done: 1, total: 4 }) });
    const { heard } = await listen(jobs);
    await submit();
    await soon();
    expect(heard.at(-1)).toMatchObject({ event: { type: 'loading', stage: 'weights', done: 1, total: 4 } });
  });

  it('that fail say why, and the next one goes on', async () => {
    const { jobs, submit } = createJobs();
    const { heard } = await listen(jobs);
    const { run } = await submit();
    run.fail(new AppError('worker_crashed', 'gone'));
    await soon();
    expect(heard.at(-1)).toMatchObject({
      event: { type: 'error', error: { code: 'worker_crashed', message: 'gone', requestId: 'r1' } },
    });
    (await submit()).run.end();
    await soon();
    expect(typesOf(heard).at(-1)).toBe('done');
  });

  it('are cancelled at once, queued or running, when there is no grace', async () => {
    const { jobs, submit } = createJobs({ resumeGraceMs: 0 });
    const { leave } = await listen(jobs);
    const running = await submit();
    const queued = await submit();
    running.run.write('a');
    leave();
    await soon();
    expect([running.run.signal.aborted, queued.run.signal.aborted]).toEqual([true, true]);
  });

  it('are cancelled at once when their client says that it is not coming back', async () => {
    const { jobs, submit } = createJobs();
    const { heard, end } = await listen(jobs);
    const { run } = await submit();
    await soon();
    expect(jobs.giveUp('c', null)).toBe(true);
    expect(await end).toBe('ended');
    expect([run.signal.aborted, heard.at(-1)?.type]).toEqual([true, 'finished']);
    expect(jobs.giveUp('c', null)).toBe(false);
  });

  it('move to the newer of two streams; the older one hears of it and ends', async () => {
    const { jobs, submit } = createJobs();
    const older = await listen(jobs);
    const newer = await listen(jobs);
    expect(await older.end).toBe('ended');
    expect(older.heard.at(-1)).toEqual({ type: 'replaced' });
    const { run } = await submit();
    run.write('a');
    await soon();
    expect(textOf(newer.heard)).toBe('a');
    await pass(GRACE_MS * 2);
    expect([run.signal.aborted, jobs.connected]).toEqual([false, 1]);
  });

  it('have a bounded number of streams', async () => {
    const { jobs } = createJobs({ maxStreams: 2 });
    await listen(jobs, null, false, 'a');
    const b = await listen(jobs, null, false, 'b');
    expect(await (await listen(jobs, null, false, 'd')).end).toBe('too_many_streams');
    await listen(jobs, null, false, 'b');
    expect(await b.end).toBe('ended');
    expect(jobs.connected).toBe(2);
  });

  it('have a bounded number of streams of one key, which without keys there is not', async () => {
    const { jobs } = createJobs({ maxStreams: 20, maxStreamsOfCaller: 2 });
    const open = async (clientId: string, caller: string | null) =>
      (await Promise.race([(await listen(jobs, null, false, clientId, caller)).end, soon()])) ?? 'open';
    expect([await open('a', 'alice'), await open('b', 'alice'), await open('c', 'alice')]).toEqual([
      'open',
      'open',
      'too_many_streams',
    ]);
    expect([await open('a', 'alice'), await open('d', 'bob')]).toEqual(['open', 'open']);
    for (const clientId of ['e', 'f', 'g', 'h']) expect(await open(clientId, null)).toBe('open');
  });

  it('end before their stream does when the gateway stops', async () => {
    const { jobs, submit } = createJobs();
    const idle = await listen(jobs, null, false, 'idle');
    const busy = await listen(jobs);
    const { run } = await submit();
    jobs.close(new AppError('shutting_down', 'stopping'));
    expect(await idle.end).toBe('shutting_down');
    run.write('a');
    run.end();
    expect(await busy.end).toBe('shutting_down');
    expect(typesOf(busy.heard).at(-1)).toBe('done');
    expect(await (await listen(jobs)).end).toBe('shutting_down');
    await expect(submit()).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('are told to their own caller alone; to another it is as if there were none', async () => {
    const { jobs, submit } = createJobs();
    const { heard } = await listen(jobs, null, false, 'c', 'alice');
    const { id, run } = await submit('c', 'alice');
    const refused = await listen(jobs, null, false, 'c', 'bob');
    expect(await refused.end).toBe('client_id_taken');
    await expect(submit('c', 'bob')).rejects.toMatchObject({ code: 'client_not_connected' });
    const explicit = await listen(jobs, { jobId: id, seq: 0 }, true, 'c', 'bob');
    expect([explicit.heard, await explicit.end]).toEqual([[], 'job_not_found']);
    expect(jobs.giveUp('c', 'bob')).toBe(false);
    run.end();
    await soon();
    expect(typesOf(heard)).toEqual(['connected', 'queued', 'done']);
    await pass(GRACE_MS + 100);
    const expired = (caller: string) => listen(jobs, { jobId: id, seq: 0 }, true, 'c', caller);
    expect(await (await expired('bob')).end).toBe('job_not_found');
    expect(await (await expired('alice')).end).toBe('job_expired');
  });

  it('of a client may be given up by one that sees all', async () => {
    const { jobs } = createJobs();
    const { end } = await listen(jobs, null, false, 'c', 'alice');
    expect(jobs.giveUp('c', null)).toBe(true);
    expect(await end).toBe('ended');
  });

  it('leave nothing behind', async () => {
    const { jobs, submit, runs } = createJobs({ logLimits: { maxEvents: 5, maxBytes: 1e6 } });
    for (let i = 0; i < 50; i++) {
      const { leave } = await listen(jobs, null, false, `client-${i}`);
      const { run } = await submit(`client-${i}`);
      if (i % 2 === 0) run.end();
      leave();
    }
    await pass(GRACE_MS + 100);
    expect(jobs.connected).toBe(0);
    for (const [i, { signal }] of runs.entries()) {
      expect(signal.aborted).toBe(true);
      expect(jobs.giveUp(`client-${i}`, null)).toBe(false);
    }
  });
});
