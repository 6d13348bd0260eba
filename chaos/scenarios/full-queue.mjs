// G12: the queue is full and thousands more come. The worker is stopped meanwhile (SIGSTOP), so that nothing moves up.

import { ask } from '../client.mjs';
import { crowd } from '../clients.mjs';
import { SIMPLE_NDJSON } from '../dialects.mjs';
import { spellMs } from '../figures.mjs';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { readLog } from '../log-files.mjs';

export const goal = 'G12';
export const title = 'a queue of 512 is full, and 5,000 more prompts come';

const WAITING = { full: 512, short: 64 };
const MORE = { full: 5_000, short: 200 };
/** Of one refusal. A test shares its machine: there the figure says nothing. */
const LIMIT_MS = { full: 50, short: 5_000 };
const REFUSED_CLIENTS = 8;
/** Callers are told apart by their address. */
const CALLERS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const PATIENCE_MS = 600_000;

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const ledger = new Ledger(random);
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: 1, tokens: 4 },
    env: {
      MINIVAULT_QUEUE_MAX_WAITING: String(WAITING[scale]),
      // Nothing but the queue is to be tried here.
      ...Object.fromEntries(
        ['QUEUE', 'FIRST_TOKEN', 'TOKEN_GAP', 'WORKER_SILENCE'].map(what => [
          `MINIVAULT_${what}_TIMEOUT_MS`,
          String(PATIENCE_MS),
        ]),
      ),
    },
  });
  const url = await gateway.url;
  await gateway.ready();
  const { worker } = await gateway.health();
  process.kill(worker.pid, 'SIGSTOP');
  /** @type {Promise<import('../ledger.mjs').Entry>[]} */
  const accepted = [];
  let refused;
  try {
    for (let number = 0; number <= WAITING[scale]; number++) {
      const localAddress = CALLERS[number % CALLERS.length] ?? '';
      accepted.push(
        ask(url, ledger, { dialect: SIMPLE_NDJSON, tokens: 4, localAddress, patienceMs: PATIENCE_MS }),
      );
      // One after the other, so that their order is known.
      await gateway.until('holding one more', ({ queue }) => queue.waiting + queue.running === number + 1);
    }
    say(`${accepted.length} are in; ${MORE[scale]} more`);
    const before = ledger.entries.length;
    const isOver = () => ledger.entries.length - before >= MORE[scale];
    await crowd(url, { clients: REFUSED_CLIENTS, ledger, random, isOver, leaveShare: 0, pauseMs: 0 });
    refused = ledger.entries.slice(before);
  } finally {
    process.kill(worker.pid, 'SIGCONT');
  }
  const done = await Promise.all(accepted);
  const { faults } = await checkInvariants(gateway, ledger);
  const { lines } = await readLog(gateway.logFile);
  await gateway.stop();

  const wrong = refused.filter(({ status, code }) => status !== 503 || !isFull(code));
  for (const { dialect, status, code } of wrong)
    faults.push(`not refused as queue_full: ${dialect} ${status} ${code}`);
  const waitsMs = refused.map(({ askedAtMs, endedAtMs }) => (endedAtMs ?? Number.NaN) - askedAtMs);
  const late = waitsMs.filter(ms => !(ms < LIMIT_MS[scale])).length;
  if (late > 0) faults.push(`${late} refusals took ${LIMIT_MS[scale]} ms or longer`);
  const unfinished = done.filter(({ outcome }) => outcome !== 'completed').length;
  if (unfinished > 0) faults.push(`${unfinished} of ${done.length} accepted prompts were not answered`);
  // By the log: a client that is late itself finds several answers at once, in no order.
  const places = new Map([...lines.keys()].map((id, place) => [id, place]));
  CALLERS.forEach((caller, at) => {
    const own = done.filter((_, number) => number % CALLERS.length === at);
    const order = own.map(({ id }) => places.get(id ?? '') ?? Number.NaN);
    if (!order.every((place, n) => n === 0 || (order[n - 1] ?? 0) < place)) {
      faults.push(`the prompts of ${caller} were not answered in their order`);
    }
  });
  return {
    tried: refused.length + done.length,
    failed: faults.length,
    faults,
    figures: {
      'accepted and answered in order': done.length - unfinished,
      refused: refused.length - wrong.length,
      'refusal p99': spellMs(waitsMs, 0.99),
      'at most': spellMs(waitsMs, 1),
    },
  };
}

/** Ollama's clients know it by its own words. @param {string | null} code */
function isFull(code) {
  return /queue_full|server busy|overloaded/.test(code ?? '');
}
