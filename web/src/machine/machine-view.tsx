// The machine: its figures over time, how it is, its model and its last crash, and what the caller may still ask.
import { useEffect } from 'preact/hooks';
import { Link } from 'wouter-preact';
import { ChartCard } from './chart-card.js';
import { CHARTS } from './charts.js';
import { figures, figuresFault, health, stateFault, usage, watchMachine } from './readings.js';
import { CrashCard, HealthCard, ModelCard, UsageCard } from './state-cards.js';
import './machine.css';

export function MachineView() {
  useEffect(watchMachine, []);
  return (
    <section class="view machine">
      <h1>Machine</h1>
      <p class="quiet-text">
        How it is and has been of late. Who runs and waits is in the <Link href="/queue">queue</Link>.
      </p>
      <Fault text={stateFault.value} />
      <div class="state-cards">
        {health.value !== null && (
          <>
            <HealthCard health={health.value} />
            <ModelCard health={health.value} />
            <CrashCard health={health.value} />
          </>
        )}
        {usage.value !== null && <UsageCard usage={usage.value} />}
      </div>
      <Charts />
    </section>
  );
}

function Charts() {
  const known = figures.value;
  return (
    <>
      <Fault text={figuresFault.value} />
      {known.length === 0 ? (
        figuresFault.value === null && <p class="loading">Waiting for the first figures…</p>
      ) : (
        <div class="charts">
          {CHARTS.map(facts => (
            <ChartCard key={facts.title} facts={facts} figures={known} />
          ))}
        </div>
      )}
      {known.length > 0 && (
        <p class="quiet-text">
          Figures of the last 15 minutes in which this page was open; they are gone with it.
        </p>
      )}
    </>
  );
}

function Fault({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <p class="fault" role="alert">
      {text}
    </p>
  );
}
