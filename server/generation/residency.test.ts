import { describe, expect, it } from 'vitest';
import { pass, soon, useFakeClock } from '../testing/fake-clock.js';
import { neverAborted } from '../testing/sample-request.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerState, WorkerStatus } from '../worker/worker.js';
import { Admission } from './admission.js';
import { Residency } from './residency.js';

useFakeClock();

const never = neverAborted();
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A model that is ready and idle, whose worker obeys at once. */
async function resident(keepAliveMs: number) {
  const listeners = new Set<(status: WorkerStatus) => void>();
  const rest = scriptedWorker(() => {}).worker.status();
  let state: WorkerState = 'starting';
  const become = (next: WorkerState): void => {
    state = next;
    for (const listener of [...listeners]) listener({ ...rest, state });
  };
  const model = { state: () => state, become, isBusy: false };
  const admission = new Admission({ maxWaiting: 8, waitTimeoutMs: MINUTE_MS });
  admission.open(4);
  const residency = new Residency({
    lines: [admission],
    keepAliveMs,
    worker: {
      load: () => {
        if (state === 'unloaded') become('ready');
      },
      unload: async () => {
        if (!model.isBusy) become('unloaded');
        return !model.isBusy;
      },
      status: () => ({ ...rest, state }),
      onChange: listener => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  become('ready');
  return { model, admission, residency };
}

describe('an idle model', () => {
  it('stays for ever when nobody says otherwise', async () => {
    const { residency, model } = await resident(Number.POSITIVE_INFINITY);
    await pass(30 * DAY_MS);
    expect(model.state()).toBe('ready');
    expect(residency.expiresAt()).toBeNull();
  });

  it('goes after the time that was set, counted from when it became ready', async () => {
    const { residency, model } = await resident(5 * MINUTE_MS);
    expect(residency.expiresAt()?.getTime()).toBe(Date.now() + 5 * MINUTE_MS);
    await pass(4 * MINUTE_MS);
    expect(model.state()).toBe('ready');
    expect(residency.expiresAt()?.getTime()).toBe(Date.now() + MINUTE_MS);
    await pass(MINUTE_MS);
    expect(model.state()).toBe('unloaded');
  });

  it('may be kept for longer than a timer of Node lasts', async () => {
    const { residency, model } = await resident(MINUTE_MS);
    residency.keepFor(60 * DAY_MS);
    await pass(59 * DAY_MS);
    expect(model.state()).toBe('ready');
    await pass(DAY_MS);
    expect(model.state()).toBe('unloaded');
  });

  it('is kept as long as the setting says once it has been unloaded and loaded again', async () => {
    const { residency, model } = await resident(Number.POSITIVE_INFINITY);
    await residency.unload();
    expect(model.state()).toBe('unloaded');
    await residency.ready(never);
    await pass(DAY_MS);
    expect(model.state()).toBe('ready');
  });
});

describe('a model in use', () => {
  it('stays, and its time begins when the last one is done', async () => {
    const { admission, residency, model } = await resident(MINUTE_MS);
    const tickets = [admission.enter(never), admission.enter(never)];
    await pass(10 * MINUTE_MS);
    tickets[0]?.release();
    await pass(10 * MINUTE_MS);
    expect(model.state()).toBe('ready');
    expect(residency.expiresAt()?.getTime()).toBe(Date.now() + MINUTE_MS);
    tickets[1]?.release();
    await pass(MINUTE_MS - 10);
    expect(model.state()).toBe('ready');
    await pass(20);
    expect(model.state()).toBe('unloaded');
  });

  it('goes as soon as it is free, while the one who asked for that has his answer at once', async () => {
    const { admission, residency, model } = await resident(Number.POSITIVE_INFINITY);
    const ticket = admission.enter(never);
    await residency.unload();
    expect(model.state()).toBe('ready');
    ticket.release();
    await soon();
    expect(model.state()).toBe('unloaded');
  });

  it('is not taken from under a question that never stood in the line', async () => {
    const { residency, model } = await resident(Number.POSITIVE_INFINITY);
    model.isBusy = true;
    await residency.unload();
    await pass(3_000);
    expect(model.state()).toBe('ready');
    model.isBusy = false;
    await pass(1_000);
    expect(model.state()).toBe('unloaded');
  });

  it('that is still loading goes when it is there', async () => {
    const { residency, model } = await resident(Number.POSITIVE_INFINITY);
    model.become('restarting');
    await residency.unload();
    expect(model.state()).toBe('restarting');
    model.become('ready');
    expect(model.state()).toBe('unloaded');
  });
});

describe('who waits for the model', () => {
  it('is told when it is there', async () => {
    const { residency, model } = await resident(MINUTE_MS);
    model.become('restarting');
    const ready = residency.ready(never);
    model.become('ready');
    await expect(ready).resolves.toBeUndefined();
  });

  it.each([
    ['failed', 'model_unavailable'],
    ['stopped', 'shutting_down'],
  ] as const)('of a worker that has %s is told why there will be none', async (state, code) => {
    const { residency, model } = await resident(MINUTE_MS);
    model.become('restarting');
    const ready = residency.ready(never);
    model.become(state);
    await expect(ready).rejects.toMatchObject({ code });
  });

  it('may leave', async () => {
    const { residency, model } = await resident(MINUTE_MS);
    model.become('restarting');
    const leaving = new AbortController();
    const ready = residency.ready(leaving.signal);
    leaving.abort();
    await expect(ready).rejects.toMatchObject({ code: 'cancelled' });
    await expect(residency.ready(leaving.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
