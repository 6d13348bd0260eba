// How the gateway and its model are, the last crash, and what the caller may still ask.
import type { Health } from '../../../server/dialects/health.js';
import type { UsageAnswer } from '../../../server/dialects/usage.js';
import { spellMs, spellNumber } from '../ui/figures.js';
import { type Fact, faults, lastCrash, limitsOf, modelFacts } from './facts.js';

const STATUS: Readonly<Record<Health['status'], string>> = {
  ok: 'Everything works',
  degraded: 'It answers, but something needs a look',
  loading: 'The model is not there yet',
  unloaded: 'The model is unloaded; a prompt loads it',
  failed: 'The model cannot be served',
  stopping: 'The gateway is stopping',
};

export function HealthCard({ health }: { health: Health }) {
  const wrong = faults(health);
  const facts: Fact[] = [
    ['Version', health.version],
    ['Up for', spellUptime(health.uptime_s)],
    ['Room in the line', spellNumber(health.queue.max_waiting)],
    ['Vault', health.vault.state],
  ];
  return (
    <section class="card" aria-labelledby="state">
      <h2 id="state">{STATUS[health.status]}</h2>
      {wrong.length > 0 && (
        <ul class="fault">
          {wrong.map(text => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      <Facts facts={facts} />
    </section>
  );
}

export function ModelCard({ health }: { health: Health }) {
  const facts = modelFacts(health);
  return (
    <section class="card" aria-labelledby="model">
      <h2 id="model">The model</h2>
      {facts.length === 0 ? <p>None is loaded yet.</p> : <Facts facts={facts} />}
    </section>
  );
}

export function CrashCard({ health }: { health: Health }) {
  const crash = lastCrash(health);
  if (crash === undefined) return null;
  return (
    <section class="card" aria-labelledby="crash">
      <h2 id="crash">Last crash of the worker</h2>
      {crash === null ? (
        <p>None since the gateway started.</p>
      ) : (
        <>
          <p>
            <time>{crash.at}</time>: {crash.how}
          </p>
          {crash.stderr.length > 0 && (
            <details>
              <summary>Its last words</summary>
              <pre class="last-words">{crash.stderr.join('\n')}</pre>
            </details>
          )}
        </>
      )}
    </section>
  );
}

export function UsageCard({ usage }: { usage: UsageAnswer }) {
  const limits = limitsOf(usage);
  return (
    <section class="card" aria-labelledby="usage">
      <h2 id="usage">{usage.caller === null ? 'Your limits' : `Limits of “${usage.caller}”`}</h2>
      <p>{spellNumber(usage.tokens_today)} tokens today.</p>
      {limits.length === 0 ? (
        <p>Nothing is limited.</p>
      ) : (
        limits.map(({ name, used, most, text }) => (
          <div key={name} class="limit">
            <span id={`limit-${name}`}>{name}</span>
            <span class="quiet-text">{text}</span>
            <meter aria-labelledby={`limit-${name}`} min={0} max={most} high={most * 0.8} value={used} />
          </div>
        ))
      )}
    </section>
  );
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="machine-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const DAY_S = 86_400;

function spellUptime(seconds: number): string {
  if (seconds < 3_600) return spellMs(seconds * 1_000);
  const hours = Math.floor((seconds % DAY_S) / 3_600);
  const days = Math.floor(seconds / DAY_S);
  return days > 0 ? `${days} d ${hours} h` : `${hours} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
