import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../errors.js';
import { until } from '../testing/until.js';
import { Admission, type Ticket } from './admission.js';
import { createDeferred } from './deferred.js';

const stay = () => new AbortController().signal;
const create = (options: { maxWaiting?: number; waitTimeoutMs?: number } = {}) =>
  new Admission({ maxWaiting: 512, waitTimeoutMs: 300_000, ...options });

async function outcomeOf(ticket: Ticket): Promise<string> {
  return ticket.granted.then(
    () => 'granted',
    (error: AppError) => error.code,
  );
}

describe('admission', () => {
  it('makes everyone wait until it is opened, then hands slots out in order of arrival', async () => {
    const admission = create();
    const order: number[] = [];
    const tickets = [1, 2, 3].map(n => {
      const ticket = admission.enter(stay());
      void ticket.granted.then(() => order.push(n));
      return ticket;
    });
    expect(tickets.map(ticket => ticket.position())).toEqual([1, 2, 3]);
    admission.open(2);
    expect(tickets.map(ticket => ticket.position())).toEqual([0, 0, 1]);
    tickets[1]?.release();
    await tickets[2]?.granted;
    expect(order).toEqual([1, 2, 3]);
    for (const ticket of tickets) ticket.release();
    await admission.idle();
    expect(admission.running + admission.waiting).toBe(0);
  });

  it('runs as many as there are slots and holds 512 more; the rest is queue_full with a time to come back', () => {
    const admission = create();
    admission.open(4);
    for (let i = 0; i < 4 + 512; i++) admission.enter(stay());
    let refused: unknown;
    try {
      admission.enter(stay());
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: 'queue_full', status: 503 });
    expect((refused as AppError).retryAfterMs).toBeGreaterThanOrEqual(1_000);
    expect([admission.running, admission.waiting]).toEqual([4, 512]);
  });

  it('counts the bound while it is paused, too', () => {
    const admission = create({ maxWaiting: 2 });
    admission.enter(stay());
    admission.enter(stay());
    expect(() => admission.enter(stay())).toThrow(AppError);
  });

  it('accepts with a bound of 0 while a slot is free', () => {
    const admission = create({ maxWaiting: 0 });
    admission.open(1);
    expect(admission.enter(stay()).position()).toBe(0);
    expect(() => admission.enter(stay())).toThrow('full');
  });

  it('lets 100 of 200 leave the line at once without giving any of them a slot', async () => {
    const admission = create();
    const leavers = Array.from({ length: 200 }, () => new AbortController());
    const tickets = leavers.map(({ signal }) => admission.enter(signal));
    leavers.forEach((leaver, i) => {
      if (i % 2 === 0) leaver.abort();
    });
    expect(admission.waiting).toBe(100);
    admission.open(200);
    const outcomes = await Promise.all(tickets.map(outcomeOf));
    expect(outcomes.filter(outcome => outcome === 'granted')).toHaveLength(100);
    expect(outcomes.filter((outcome, i) => outcome === 'cancelled' && i % 2 === 0)).toHaveLength(100);
    expect(admission.running).toBe(100);
  });

  it('keeps the slot of a client that left while running until it is released', async () => {
    const admission = create();
    admission.open(1);
    const leaver = new AbortController();
    const first = admission.enter(leaver.signal);
    const second = admission.enter(stay());
    await first.granted;
    leaver.abort();
    await new Promise(resolve => setImmediate(resolve));
    expect([first.position(), second.position()]).toEqual([0, 1]);
    first.release();
    await second.granted;
    expect(second.position()).toBe(0);
  });

  it('answers all 50 who wait when it refuses, and all who come later, until it opens again', async () => {
    const admission = create();
    const tickets = Array.from({ length: 50 }, () => admission.enter(stay()));
    admission.refuse(new AppError('shutting_down', 'stopping'));
    expect(await Promise.all(tickets.map(outcomeOf))).toEqual(Array(50).fill('shutting_down'));
    expect(() => admission.enter(stay())).toThrow('stopping');
    expect(admission.waiting).toBe(0);
    admission.open(1);
    expect(admission.enter(stay()).position()).toBe(0);
  });

  it('leaves no listener on a signal that waited, ran or left', async () => {
    const admission = create();
    const controller = new AbortController();
    const add = vi.spyOn(controller.signal, 'addEventListener');
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const tickets = Array.from({ length: 8 }, () => admission.enter(controller.signal));
    admission.open(4);
    controller.abort();
    for (const ticket of tickets) ticket.release();
    await admission.idle();
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });

  describe('a ticket that is still being prepared', () => {
    it('lets others pass without a slot of its own, and then has the place of its arrival', async () => {
      const admission = create();
      admission.open(1);
      const prepared = createDeferred<void>();
      const order: string[] = [];
      const enter = (name: string, wait: Promise<void> | null = null): Ticket => {
        const ticket = admission.enter(stay(), { prepared: wait });
        void ticket.granted.then(() => order.push(name));
        return ticket;
      };
      const first = enter('prepared', prepared.promise);
      const [second, third] = [enter('second'), enter('third')];
      await second.granted;
      expect([first.position(), second.position(), third.position()]).toEqual([1, 0, 2]);
      expect([admission.running, admission.waiting]).toEqual([1, 2]);
      prepared.resolve();
      await prepared.promise;
      second.release();
      await first.granted;
      first.release();
      await third.granted;
      third.release();
      await admission.idle();
      expect(order).toEqual(['second', 'prepared', 'third']);
    });

    it('leaves with what the preparation ends in, its client, or a refusal, and never holds a slot', async () => {
      const admission = create();
      admission.open(1);
      const leaver = new AbortController();
      const never = new Promise<void>(() => {});
      const fault = new AppError('storage_unavailable', 'away');
      const quiet = vi.fn();
      admission.onQuiet(quiet);
      const outcomes = [
        admission.enter(stay(), { prepared: Promise.reject(fault) }),
        admission.enter(leaver.signal, { prepared: never }),
        admission.enter(stay(), { prepared: never }),
      ].map(outcomeOf);
      leaver.abort();
      expect(await outcomes[0]).toBe('storage_unavailable');
      expect([admission.running, admission.waiting, quiet.mock.calls.length]).toEqual([0, 1, 0]);
      admission.refuse(new AppError('shutting_down', 'stopping'));
      expect(await Promise.all(outcomes)).toEqual(['storage_unavailable', 'cancelled', 'shutting_down']);
      expect([admission.running, admission.waiting, quiet.mock.calls.length]).toEqual([0, 0, 1]);
    });

    it('counts as one that waits, or will run', () => {
      const admission = create({ maxWaiting: 1 });
      admission.open(2);
      const never = new Promise<void>(() => {});
      admission.enter(stay(), { prepared: never });
      admission.enter(stay(), { prepared: never });
      expect([admission.running, admission.waiting]).toEqual([0, 2]);
      expect(() => admission.enter(stay())).toThrow('2 requests are waiting');
    });
  });

  describe('with several callers', () => {
    const named = (admission: Admission, order: string[]) => (name: string) => {
      const ticket = admission.enter(stay(), { share: name.charAt(0) });
      void ticket.granted.then(() => order.push(name));
      return ticket;
    };

    it('starts one prompt of B second at the latest, were 500 of A waiting', async () => {
      const admission = create();
      const order: string[] = [];
      const enter = named(admission, order);
      const tickets = [enter('a-running'), ...Array.from({ length: 500 }, (_, i) => enter(`a${i}`))];
      admission.open(1);
      const b = enter('b');
      expect(b.position()).toBeLessThanOrEqual(2);
      for (const ticket of tickets.slice(0, 2)) ticket.release();
      await b.granted;
      expect(order.indexOf('b')).toBeLessThanOrEqual(2);
      for (const ticket of [...tickets, b]) ticket.release();
      await until(() => admission.isQuiet);
    });

    it('shows everybody the place that is really theirs, while others come, leave and run', async () => {
      const admission = create();
      admission.open(2);
      const order: string[] = [];
      const enter = named(admission, order);
      const leaver = new AbortController();
      const running = ['a1', 'a2'].map(enter);
      const tickets = new Map(['a3', 'b1', 'a4', 'c1', 'b2'].map(name => [name, enter(name)]));
      const gone = admission.enter(leaver.signal, { share: 'd' });
      expect(gone.position()).toBe(4);
      leaver.abort();
      const shown = [...tickets].sort(([, a], [, b]) => a.position() - b.position()).map(([name]) => name);
      expect(shown).toEqual(['a3', 'b1', 'c1', 'a4', 'b2']);
      for (const ticket of running) ticket.release();
      for (const name of shown) {
        await tickets.get(name)?.granted;
        tickets.get(name)?.release();
      }
      await admission.idle();
      expect(order).toEqual(['a1', 'a2', ...shown]);
      await expect(gone.granted).rejects.toMatchObject({ code: 'cancelled' });
    });
  });

  describe('with a clock', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('ends a wait that is too long, but lets the clock rest while it is paused', async () => {
      const admission = create({ waitTimeoutMs: 1_000 });
      const ticket = admission.enter(stay());
      await vi.advanceTimersByTimeAsync(10_000);
      expect(ticket.position()).toBe(1);
      admission.open(1);
      const late = admission.enter(stay());
      const outcome = outcomeOf(late);
      await vi.advanceTimersByTimeAsync(900);
      admission.pause();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(late.position()).toBe(1);
      admission.open(1);
      await vi.advanceTimersByTimeAsync(600);
      expect(await outcome).toBe('queue_timeout');
      expect(ticket.position()).toBe(0);
    });

    it('tells how long a wait will be once it has seen how long slots are held', async () => {
      const admission = create({ maxWaiting: 3 });
      const enter = () => admission.enter(stay());
      const loading = enter();
      expect(loading.estimatedWaitMs()).toBeNull();
      admission.open(1);
      expect(loading.estimatedWaitMs()).toBe(0);
      const waiting = enter();
      expect(waiting.estimatedWaitMs()).toBeNull();
      await vi.advanceTimersByTimeAsync(4_000);
      loading.release();
      await waiting.granted;
      const others = [enter(), enter(), enter()];
      expect(others.map(ticket => ticket.estimatedWaitMs())).toEqual([4_000, 8_000, 12_000]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(others.map(ticket => ticket.estimatedWaitMs())).toEqual([3_000, 7_000, 11_000]);
      expect(() => enter()).toThrow(expect.objectContaining({ code: 'queue_full', retryAfterMs: 15_000 }));
      admission.pause();
      expect(others[0]?.estimatedWaitMs()).toBeNull();
      admission.open(2);
      expect(others.map(ticket => ticket.estimatedWaitMs())).toEqual([0, 3_000, 4_000]);
    });

    it('lets a caller that had its turn stay ahead of those who come 30 s later', async () => {
      const admission = create();
      admission.open(1);
      const enter = (share: string) => admission.enter(stay(), { share });
      const [other, running, old] = [enter('other'), enter('a'), enter('a')];
      other.release();
      await running.granted;
      for (let i = 0; i < 5; i++) enter(`new${i}`);
      expect(old.position()).toBe(6);
      const soon = enter('soon');
      expect([old.position(), soon.position()]).toEqual([7, 6]);
      await vi.advanceTimersByTimeAsync(30_000);
      const late = enter('late');
      expect([old.position(), late.position()]).toEqual([7, 8]);
    });
  });
});
