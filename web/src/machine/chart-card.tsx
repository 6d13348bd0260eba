// One chart with its figures in words: as they are now, or where the pointer is, and the highest that is drawn.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { Chart, type Line, spellClock } from './chart.js';
import type { ChartFacts } from './charts.js';
import { type Figures, toColumns } from './history.js';

/** By place: told apart without colour, too. */
const LINES = [
  { color: '--accent' },
  { color: '--busy', dash: [6, 4] },
  { color: '--bad', dash: [2, 3] },
] as const;

export function ChartCard({ facts, figures }: { facts: ChartFacts; figures: readonly Figures[] }) {
  const pointed = useSignal<number | null>(null);
  const { title, about, spell } = facts;
  const columns = useMemo(
    () =>
      toColumns(
        figures,
        facts.figures.map(({ name }) => name),
      ),
    [figures],
  );
  const lines: Line[] = facts.figures.map(({ label }, at) => ({ label, ...(LINES[at] ?? LINES[0]) }));
  const [times, ...values] = columns;
  const row = pointed.value !== null && pointed.value < times.length ? pointed.value : times.length - 1;
  const spellOrNot = (value: number | null | undefined): string => (value == null ? '–' : spell(value));
  const now = facts.figures.map(({ label }, at) => `${label} ${spellOrNot(values[at]?.at(-1))}`).join(', ');
  return (
    <section class="card chart" aria-label={title}>
      <h2>{title}</h2>
      <p class="quiet-text">{about}</p>
      <Chart
        lines={lines}
        columns={columns}
        spell={spell}
        isWhole={facts.isWhole === true}
        label={`${title} over time. Now: ${now}.`}
        onPoint={at => {
          pointed.value = at;
        }}
      />
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">Figure</span>
            </th>
            <th scope="col" class="number">
              {pointed.value === null ? 'Now' : spellClock(times[row] ?? 0)}
            </th>
            <th scope="col" class="number">
              Highest
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ label }, at) => (
            <tr key={label}>
              <th scope="row">
                <span class={`swatch line-${at}`} aria-hidden="true" />
                {label}
              </th>
              <td class="number">{spellOrNot(values[at]?.[row])}</td>
              <td class="number">{spellOrNot(highest(values[at] ?? []))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function highest(values: readonly (number | null)[]): number | null {
  return values.reduce((most, value) => (value !== null && value > (most ?? -Infinity) ? value : most), null);
}
