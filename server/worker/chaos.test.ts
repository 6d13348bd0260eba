import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pass, passUntil, useFakeClock } from '../testing/fake-clock.js';
import { type ReadRun, readRun } from '../testing/read-run.js';
import { sampleRequest } from '../testing/sample-request.js';
import { doneMessage, HEARTBEAT, READY, type ScriptedProcess } from '../testing/scripted-process.js';
import { scriptedWorker } from '../testing/scripted-worker.js';
import type { WorkerMessage } from './protocol.js';
import type { RunOutcome } from './worker.js';

useFakeClock();

const TOKENS = 6;
const PACE_MS = 20;

/** A worker that answers all it has, a token a step, until it is told to die. */
function live(child: ScriptedProcess): void {
  const running = new Map<string, number>();
  child.onReceive = message => {
    if (message.type === 'generate') {
      running.set(message.id, 0);
      child.say({ type: 'started', id: message.id, prompt_tokens: 1, cached_tokens: 0 });
    } else if (message.type === 'cancel' && running.delete(message.id)) {
      child.say(doneMessage(message.id, 0, 'cancelled'));
    }
  };
  const timer = setInterval(() => {
    if (child.stdout.writableEnded) return clearInterval(timer);
    const step = [...running];
    const items = step.map(([id, n]): [string, string, number] => [id, `${id}#${n} `, 1]);
    child.say({ type: 'tokens', items }, HEARTBEAT);
    for (const [id, n] of step) {
      running.set(id, n + 1);
      if (n + 1 < TOKENS) continue;
      running.delete(id);
      child.say(doneMessage(id, TOKENS));
    }
  }, PACE_MS);
  child.say({ ...READY, slots: 5 } as WorkerMessage);
}

interface Client {
  readonly startMs: number;
  /** Null for a patient one. */
  readonly leavesAfterMs: number | null;
}

const patience = fc.option(fc.nat(400));
const clients = fc.array(fc.record<Client>({ startMs: fc.nat(1_500), leavesAfterMs: patience }), {
  minLength: 1,
  maxLength: 32,
});
const deaths = fc.array(fc.nat(3_000), { maxLength: 12 });

it('whoever dies or leaves and when: each run ends once, with its own text, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(clients, deaths, async (plan, deathsAtMs) => {
      const { worker, current } = scriptedWorker(live);
      for (const atMs of deathsAtMs) setTimeout(() => current().signal('SIGKILL'), atMs);
      const ended: { id: string; read: ReadRun; outcome: RunOutcome; client: Client }[] = [];
      for (const client of plan) {
        setTimeout(async () => {
          const controller = new AbortController();
          const request = sampleRequest();
          const run = worker.generate(request, controller.signal);
          if (client.leavesAfterMs !== null) setTimeout(() => controller.abort(), client.leavesAfterMs);
          const [read, outcome] = await Promise.all([readRun(run), run.settled]);
          ended.push({ id: request.id, read, outcome, client });
        }, client.startMs);
      }
      await pass(3_000);
      await passUntil(() => ended.length === plan.length);

      for (const { id, read, outcome, client } of ended) {
        const whole = Array.from({ length: TOKENS }, (_, n) => `${id}#${n} `).join('');
        expect(whole.startsWith(outcome.text)).toBe(true);
        expect(outcome.text.startsWith(read.text)).toBe(true);
        expect(read.events.filter(({ type }) => type === 'started').length).toBeLessThanOrEqual(1);
        const told = read.events.filter(({ type }) => type === 'done').length + (read.error ? 1 : 0);
        expect(told).toBe(1);
        if (outcome.status === 'completed') expect(read.text).toBe(whole);
        if (outcome.status === 'cancelled') expect(client.leavesAfterMs).not.toBeNull();
        if (outcome.status === 'failed') expect(outcome.error?.code).toBe('worker_killed');
        if (deathsAtMs.length === 0 && client.leavesAfterMs === null)
          expect(outcome.status).toBe('completed');
      }
      expect(worker.status()).toMatchObject({ running: 0, protocolFaults: {} });
      worker.kill();
    }),
    { numRuns: 25, seed: 3 },
  );
});
