// What the caller itself has used today, of what it may.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { describe } from '../api/http.js';
import { readUsage, type UsageAnswer } from '../api/keys.js';
import { spellMs, spellNumber } from '../ui/figures.js';

const REFRESH_MS = 10_000;
const CLASSES = { generation: 'Answers', embedding: 'Embeddings', other: 'Everything else' } as const;

export function OwnUse() {
  const usage = useSignal<UsageAnswer | null>(null);
  const fault = useSignal<string | null>(null);
  useEffect(() => {
    const load = async (): Promise<void> => {
      try {
        usage.value = await readUsage();
        fault.value = null;
      } catch (error) {
        fault.value = describe(error);
      }
    };
    void load();
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const now = usage.value;
  return (
    <section aria-labelledby="own-use">
      <h2 id="own-use">{now?.caller == null ? 'Used today' : `Used today by ${now.caller}`}</h2>
      {fault.value !== null && (
        <p class="fault" role="alert">
          {fault.value}
        </p>
      )}
      {now !== null && <Figures now={now} />}
    </section>
  );
}

function Figures({ now }: { now: UsageAnswer }) {
  const { tokens_today: tokens, tokens_per_day: budget, running, concurrency, requests } = now;
  return (
    <dl class="key-facts card">
      <div>
        <dt>Tokens</dt>
        <dd>
          {spellNumber(tokens)}
          {budget === null ? '' : ` of ${spellNumber(budget)}`}
          {budget !== null && <progress max={budget} value={Math.min(tokens, budget)} aria-label="Tokens" />}
          <br />
          <span class="quiet-text">The day (UTC) ends in {spellMs(now.day_ends_in_seconds * 1_000)}</span>
        </dd>
      </div>
      <div>
        <dt>Requests now</dt>
        <dd>
          {spellNumber(running)}
          {concurrency === null ? '' : ` of ${spellNumber(concurrency)}`}
        </dd>
      </div>
      {Object.entries(CLASSES).map(([name, title]) => {
        const window = requests[name as keyof typeof CLASSES];
        return (
          <div key={name}>
            <dt>{title}</dt>
            <dd>
              {window === null
                ? 'not limited'
                : `${spellNumber(window.remaining)} of ${spellNumber(window.limit)} left in ${spellMs(window.window_seconds * 1_000)}`}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
