import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../domain/job.js';
import { JobLog } from './job-log.js';

const token = (text: string): JobEvent => ({ type: 'token', text });
const FAILED: JobEvent = { type: 'error', error: { code: 'internal', message: 'x', requestId: 'r' } };

function logOf(count: number, limits?: { maxEvents: number; maxBytes: number }): JobLog {
  const log = new JobLog(limits);
  for (let i = 1; i <= count; i++) log.append(token(`${i} `));
  return log;
}

describe('the log of a job', () => {
  it('gives what followed any event, numbered from 1', () => {
    const log = logOf(3);
    expect(log.after(0)?.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(log.after(2)).toEqual([{ seq: 3, event: token('3 ') }]);
    expect(log.after(3)).toEqual([]);
  });

  it('knows nothing that followed an event which never was', () => {
    expect(logOf(3).after(4)).toBeNull();
    expect(logOf(3).after(-1)).toBeNull();
  });

  it('keeps the last events only, and all of the text', () => {
    const log = logOf(10, { maxEvents: 4, maxBytes: 1e6 });
    expect(log.after(5)).toBeNull();
    expect(log.after(6)?.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
    expect(log.whole).toEqual({ seq: 10, text: '1 2 3 4 5 6 7 8 9 10 ' });
  });

  it('keeps as many as their bytes allow, and the last one whatever its size', () => {
    const log = new JobLog({ maxEvents: 1_000, maxBytes: 1_000 });
    for (let i = 0; i < 5; i++) log.append(token('ü'.repeat(200)));
    expect(log.after(2)).toBeNull();
    expect(log.after(3)).toHaveLength(2);
    log.append(token('x'.repeat(2_000)));
    expect(log.after(5)).toHaveLength(1);
  });

  it('tells the end apart from the text', () => {
    const log = logOf(2);
    expect(log.isEnded).toBe(false);
    log.append(FAILED);
    expect([log.isEnded, log.lastSeq]).toEqual([true, 3]);
    expect(log.whole).toEqual({ seq: 2, text: '1 2 ' });
  });
});
