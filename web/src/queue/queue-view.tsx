// The line: who runs and who waits, as it is at this moment.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { type Queue, queue, queueFault, queueToldAtMs, watchQueue } from '../api/queue.js';
import { describeGateway } from '../shell/gateway-words.js';
import { LoadingBar } from '../shell/loading-bar.js';
import { spellNumber } from '../ui/figures.js';
import { whileVisible } from '../ui/visibility.js';
import { spellSpeed, toRows } from './line.js';
import { LineTable } from './line-table.js';
import './queue.css';

const TICK_MS = 500;

export function QueueView() {
  const nowMs = useSignal(0);
  useEffect(watchQueue, []);
  useEffect(
    () =>
      whileVisible(async () => {
        // What is not told any more does not go on either.
        if (queueFault.value === null) nowMs.value = performance.now();
        return TICK_MS;
      }),
    [],
  );
  const now = queue.value;
  const fault = queueFault.value;
  const { kind, text, progress } = describeGateway(now, fault);
  return (
    <section class="view">
      <h1>Queue</h1>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault.message} What is below is the last that was told; this page goes on trying.
        </p>
      )}
      {kind !== 'good' && fault === null && (
        <div class="card model-state">
          <p>{text}</p>
          {progress !== null && <LoadingBar progress={progress} />}
        </div>
      )}
      {now !== null && <Line queue={now} passedMs={Math.max(0, nowMs.value - queueToldAtMs.value)} />}
    </section>
  );
}

function Line({ queue: now, passedMs }: { queue: Queue; passedMs: number }) {
  const { running, waiting, slots } = now;
  const speed = spellSpeed(now, passedMs);
  return (
    <>
      <dl class="totals">
        <Total name="Running" value={slots > 0 ? `${running} of ${slots}` : String(running)} />
        <Total name="Waiting" value={spellNumber(waiting)} />
        <Total name="Tokens per second" value={speed ?? '–'} />
      </dl>
      {now.items.length === 0 ? (
        <p>
          Nothing runs and nobody waits. <Link href="/">Ask something</Link>, or let a program do it.
        </p>
      ) : (
        <LineTable rows={toRows(now, passedMs)} />
      )}
    </>
  );
}

function Total({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
