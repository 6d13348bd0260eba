// Streams that break and are taken up again: nothing is lost, nothing told twice.
import { describe, expect, it } from 'vitest';
import type { JobPoint } from '../domain/job.js';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { createJobs, GRACE_MS, listen, pointOf, textOf, typesOf } from '../testing/job-listener.js';

describe('jobs', () => {
  useFakeClock();

  it.each([1_000, 50, 7])(
    'lose and repeat nothing when the stream is cut at any of 200 events, %i kept',
    async maxEvents => {
      for (let cut = 1; cut <= 200; cut++) {
        const { jobs, submit } = createJobs({ logLimits: { maxEvents, maxBytes: 1e6 } });
        const before = await listen(jobs);
        const { run } = await submit();
        for (let i = 1; i <= 200; i++) {
          run.write(`${i} `);
          if (i === cut) {
            await soon();
            before.leave();
          }
        }
        run.end();
        await soon();
        const after = await listen(jobs, pointOf(before.heard));
        const events = [...before.heard, ...after.heard];
        expect(textOf(events)).toBe(Array.from({ length: 200 }, (_, i) => `${i + 1} `).join(''));
        expect(typesOf(events).filter(type => type === 'done')).toHaveLength(1);
        const hasReset = typesOf(after.heard).includes('reset');
        expect(hasReset).toBe(200 - cut + 1 > maxEvents);
        const seqs = events.flatMap(event => (event.type === 'job' ? [event.seq] : []));
        expect(new Set(seqs).size).toBe(seqs.length);
        after.leave();
      }
    },
  );

  it('start again with a reset for a reader that does not say where it stands', async () => {
    const { jobs, submit } = createJobs();
    const before = await listen(jobs);
    const { id, run } = await submit();
    run.write('a', 'b');
    await soon();
    before.leave();
    const { heard } = await listen(jobs);
    run.write('c');
    await soon();
    expect(heard.slice(1)).toMatchObject([
      { type: 'reset', jobId: id, seq: 3, text: 'ab' },
      { type: 'job', seq: 4, event: { text: 'c' } },
    ]);
  });

  it.each<JobPoint>([
    { jobId: '', seq: 0 },
    { jobId: 'unknown', seq: 7 },
  ])('start again with a reset for a reader that stands at %j', async point => {
    const { jobs, submit } = createJobs();
    const before = await listen(jobs);
    const { run } = await submit();
    run.write('a', 'b');
    await soon();
    before.leave();
    expect((await listen(jobs, point)).heard.slice(1)).toMatchObject([{ type: 'reset', text: 'ab' }]);
    expect((await listen(jobs, point, false, 'new')).heard.slice(1)).toEqual([{ type: 'forgotten' }]);
  });

  it('start again with a reset for a reader that is ahead of them', async () => {
    const { jobs, submit } = createJobs();
    const before = await listen(jobs);
    const { id, run } = await submit();
    run.write('a');
    await soon();
    before.leave();
    expect((await listen(jobs, { jobId: id, seq: 99 })).heard.slice(1)).toMatchObject([
      { type: 'reset', text: 'a' },
    ]);
  });

  it('are told in one piece to a reader that comes too late for the first events', async () => {
    const { jobs, submit } = createJobs({ logLimits: { maxEvents: 3, maxBytes: 1e6 } });
    const { heard } = await listen(jobs);
    const first = await submit();
    const second = await submit();
    second.run.write(...'abcdefgh');
    second.run.end();
    first.run.end();
    await soon();
    expect(typesOf(heard)).not.toContain('reset');
    expect(textOf(heard)).toBe('abcdefgh');
    expect(typesOf(heard).at(-1)).toBe('done');
  });

  it('go on while their client is away, and are cancelled after the grace', async () => {
    const { jobs, submit } = createJobs();
    const { leave } = await listen(jobs);
    const { run } = await submit();
    leave();
    await pass(GRACE_MS - 100);
    expect(run.signal.aborted).toBe(false);
    await pass(200);
    expect(run.signal.aborted).toBe(true);
  });

  it('are not cancelled when their client is back in time', async () => {
    const { jobs, submit } = createJobs();
    const { leave } = await listen(jobs);
    const { run } = await submit();
    leave();
    await pass(GRACE_MS - 100);
    await listen(jobs);
    await pass(GRACE_MS * 2);
    expect(run.signal.aborted).toBe(false);
  });

  it('are read to their end from a point that is asked for by name, and then the stream ends', async () => {
    const { jobs, submit } = createJobs();
    const { leave } = await listen(jobs);
    const { id, run } = await submit();
    run.write('a', 'b');
    await soon();
    leave();
    const later = await listen(jobs, { jobId: id, seq: 2 }, true);
    run.write('c');
    run.end();
    expect(await later.end).toBe('ended');
    expect(typesOf(later.heard)).toEqual(['connected', 'token', 'token', 'done', 'finished']);
    expect(jobs.hasMore('c', { caller: null, point: { jobId: id, seq: 5 }, isExplicit: true })).toBe(false);
    expect(jobs.hasMore('c', { caller: null, point: { jobId: id, seq: 4 }, isExplicit: true })).toBe(true);
  });

  it('are gone for who asks by name too late, and unknown to another client', async () => {
    const { jobs, submit } = createJobs();
    await listen(jobs);
    const { id, run } = await submit();
    run.end();
    await soon();
    const point = { jobId: id, seq: 1 };
    expect(await (await listen(jobs, point, true, 'other')).end).toBe('job_not_found');
    await pass(GRACE_MS + 1);
    expect(await (await listen(jobs, point, true)).end).toBe('job_expired');
    expect(await (await listen(jobs, point, true, 'other')).end).toBe('job_not_found');
    expect(await (await listen(jobs, { jobId: 'never', seq: 1 }, true)).end).toBe('job_not_found');
  });
});
