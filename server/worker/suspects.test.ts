import { describe, expect, it } from 'vitest';
import { passUntil, soon, useFakeClock } from '../testing/fake-clock.js';
import { readRun } from '../testing/read-run.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import { doneMessage, READY } from '../testing/scripted-process.js';
import { generateAll, scriptedWorker } from '../testing/scripted-worker.js';
import type { RunOutcome } from './worker.js';

useFakeClock();

const never = neverAborted();

describe('after a death with several runs that had not begun', () => {
  it('each is tried alone, in order and before all others, so a poison kills only itself', async () => {
    const alone: string[][] = [];
    const { worker, processes, current } = scriptedWorker((child, nth) => {
      child.say(READY);
      if (nth === 1) return;
      const inWorker = new Set<string>();
      child.onReceive = message => {
        if (message.type !== 'generate') return;
        inWorker.add(message.id);
        alone.push([...inWorker]);
        if (message.messages?.at(-1)?.content === 'POISON') return child.end({ code: 139 });
        setImmediate(() => {
          inWorker.delete(message.id);
          child.answer(message.id, ['fine']);
        });
      };
    });
    const prompts = ['good', 'POISON', 'good', 'good'];
    const requests = prompts.map(prompt => sampleRequest(prompt));
    const runs = requests.map(request => worker.generate(request, never));
    await passUntil(() => current().generated().length === 4);
    current().end({ code: 139 });
    const later = [sampleRequest('good'), sampleRequest('good')];
    runs.push(...later.map(request => worker.generate(request, never)));
    const outcomes: RunOutcome[] = [];
    for (const [i, run] of runs.entries()) {
      void run.settled.then(outcome => {
        outcomes[i] = outcome;
      });
    }
    await passUntil(() => Object.keys(outcomes).length === runs.length);
    expect(outcomes.map(outcome => outcome.status)).toEqual([
      'completed',
      'failed',
      'completed',
      'completed',
      'completed',
      'completed',
    ]);
    const ids = requests.map(request => request.id);
    expect(alone.slice(0, 4)).toEqual(ids.map(id => [id]));
    expect(processes).toHaveLength(3);
    expect(worker.status().running).toBe(0);
  });

  it('the others wait for the first text of the last one, not for its whole answer', async () => {
    const { worker, processes, current } = scriptedWorker();
    const { ids, runs } = await generateAll(worker, current, 2);
    current().end({ code: 1 });
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    const later = sampleRequest();
    const next = worker.generate(later, never);
    current().begin(ids[0] ?? '', 'one');
    await soon();
    // The second one may still be a poison.
    expect(current().generated()).toEqual([ids[0]]);
    current().say(doneMessage(ids[0] ?? '', 1, 'stop'));
    await passUntil(() => current().generated().length === 2);
    current().begin(ids[1] ?? '', 'two');
    await passUntil(() => current().generated().length === 3);
    current().answer(later.id, ['three']);
    expect((await readRun(next)).text).toBe('three');
    current().end({ code: 139 });
    expect(await runs[0]?.settled).toMatchObject({ status: 'completed', text: 'one' });
    expect(await runs[1]?.settled).toMatchObject({ status: 'failed', text: 'two' });
  });

  it('the others wait no longer when one has text and the other one leaves', async () => {
    const { worker, processes, current } = scriptedWorker();
    const controllers = [new AbortController(), new AbortController()];
    const requests = controllers.map(() => sampleRequest());
    const runs = requests.map((request, i) => worker.generate(request, controllers[i]?.signal ?? never));
    await passUntil(() => current().generated().length === 2);
    current().end({ code: 1 });
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    current().begin(requests[0]?.id ?? '', 'one');
    const later = sampleRequest();
    const next = worker.generate(later, never);
    await soon();
    expect(current().generated()).toEqual([requests[0]?.id]);
    controllers[1]?.abort();
    expect(await runs[1]?.settled).toMatchObject({ status: 'cancelled' });
    await passUntil(() => current().generated().length === 2);
    current().answer(later.id, ['two']);
    expect((await readRun(next)).text).toBe('two');
  });

  it('a suspect may finish though the worker then declares a fault that stays', async () => {
    const { worker, processes, current } = scriptedWorker();
    const { ids, runs } = await generateAll(worker, current, 2);
    current().end({ code: 1 });
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    current().say({ type: 'error', id: null, code: 'model_unavailable', message: 'broken' });
    await soon();
    current().answer(ids[0] ?? '', ['whole']);
    expect(await runs[0]?.settled).toMatchObject({ status: 'completed', text: 'whole' });
    expect(await runs[1]?.settled).toMatchObject({ error: { code: 'model_unavailable' } });
  });

  it('a client that leaves makes room for the next suspect', async () => {
    const { worker, processes, current } = scriptedWorker();
    const controllers = [new AbortController(), new AbortController(), new AbortController()];
    const requests = controllers.map(() => sampleRequest());
    const runs = requests.map((request, i) => worker.generate(request, controllers[i]?.signal ?? never));
    await passUntil(() => current().generated().length === 3);
    current().end({ code: 1 });
    await passUntil(() => processes.length === 2 && current().generated().length === 1);
    controllers[1]?.abort();
    expect(await runs[1]?.settled).toMatchObject({ status: 'cancelled' });
    controllers[0]?.abort();
    await passUntil(() => current().received.at(-1)?.type === 'cancel');
    expect(current().generated()).toEqual([requests[0]?.id]);
    current().say(doneMessage(requests[0]?.id ?? '', 0, 'cancelled'));
    await passUntil(() => current().generated().length === 2);
    expect(current().generated()).toEqual([requests[0]?.id, requests[2]?.id]);
  });
});
