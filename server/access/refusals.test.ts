import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../domain/audit.js';
import { pass, useFakeClock } from '../testing/fake-clock.js';
import { type Refusal, Refusals } from './refusals.js';

const MINUTE_MS = 60_000;
const refusal = (more: Partial<Refusal> = {}): Refusal => ({
  code: 'invalid_api_key',
  status: 401,
  actor: null,
  address: '8.8.8.8',
  requestId: 'r1',
  target: 'GET /history',
  ...more,
});

function record() {
  const events: AuditEvent[] = [];
  const refusals = new Refusals(event => events.push(event));
  return { refusals, events, counts: () => events.map(({ details }) => details.count) };
}

describe('refusals', () => {
  useFakeClock();

  it('are recorded at once, with who, where from and which route', () => {
    const { refusals, events } = record();
    refusals.note(refusal({ actor: 'alice', code: 'missing_scope', status: 403 }));
    expect(events).toEqual([
      {
        event: 'refused',
        actor: 'alice',
        target: 'GET /history',
        address: '8.8.8.8',
        requestId: 'r1',
        details: { code: 'missing_scope', status: 403, count: 1 },
      },
    ]);
  });

  it('of one kind and address are one line a minute, which counts them all', async () => {
    const { refusals, events, counts } = record();
    for (let i = 0; i < 1_000; i++) refusals.note(refusal({ requestId: `r${i}` }));
    expect(counts()).toEqual([1]);
    await pass(MINUTE_MS);
    expect(counts()).toEqual([1, 999]);
    expect(events[1]?.requestId).toBe('r999');
    refusals.note(refusal());
    refusals.note(refusal());
    await pass(MINUTE_MS);
    expect(counts()).toEqual([1, 999, 2]);
    await pass(10 * MINUTE_MS);
    expect(counts()).toEqual([1, 999, 2]);
    refusals.note(refusal());
    expect(counts()).toEqual([1, 999, 2, 1]);
  });

  it('of other codes, addresses and keys are told apart', () => {
    const { refusals, events } = record();
    const kinds = [{}, { code: 'rate_limited' }, { address: '9.9.9.9' }, { actor: 'alice' }];
    for (const kind of [...kinds, ...kinds]) refusals.note(refusal(kind));
    expect(events.length).toBe(4);
  });

  it('from very many addresses take a bounded number of lines, and none is uncounted', async () => {
    const { refusals, events, counts } = record();
    for (let i = 0; i < 20_000; i++) refusals.note(refusal({ address: `10.0.${i >> 8}.${i & 255}` }));
    expect(events.length).toBe(1_001);
    expect(events.at(-1)).toMatchObject({ address: null, details: { code: 'invalid_api_key' } });
    await pass(MINUTE_MS);
    expect(events.length).toBe(1_002);
    expect(counts().reduce((sum: number, count) => sum + Number(count), 0)).toBe(20_000);
    refusals.note(refusal());
    expect(events.at(-1)).toMatchObject({ address: '8.8.8.8' });
  });

  it('that are counted and not told yet are told at the end', () => {
    const { refusals, counts } = record();
    for (let i = 0; i < 5; i++) refusals.note(refusal());
    refusals.close();
    expect(counts()).toEqual([1, 4]);
  });
});
