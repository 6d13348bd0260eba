// What the filters let through, as a file.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HistoryFilters } from '../api/history.js';
import { type ExportFormat, exportHistory, save } from '../api/history-export.js';
import { Fault } from '../ui/fault.js';
import { spellBytes } from '../ui/figures.js';
import { tell } from '../ui/notices.js';

export interface ExportPanelProps {
  readonly filters: HistoryFilters;
  readonly isFiltered: boolean;
  readonly isSearch: boolean;
}

export function ExportPanel({ filters, isFiltered, isSearch }: ExportPanelProps) {
  const [bytes, setBytes] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const leaving = useRef<AbortController | null>(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const start = async (format: ExportFormat): Promise<void> => {
    leaving.current = new AbortController();
    const { signal } = leaving.current;
    setError(null);
    setBytes(0);
    try {
      const exported = await exportHistory(format, filters, setBytes, signal);
      save(exported);
      tell('done', `Saved ${exported.name}, ${spellBytes(exported.file.size)}.`);
    } catch (fault) {
      if (!signal.aborted) setError(fault);
    } finally {
      if (!signal.aborted) setBytes(null);
    }
  };
  const cancel = (): void => {
    leaving.current?.abort();
    setBytes(null);
  };
  return (
    <section class="card" aria-labelledby="export">
      <h2 id="export">Take it with you</h2>
      <p class="quiet-text">
        {isFiltered ? 'Every exchange that the filters let through' : 'Every exchange'}, the oldest first.
        {isSearch && ' What was looked for makes no difference to it.'}
      </p>
      {bytes === null ? (
        <div class="row">
          <button type="button" class="quiet" onClick={() => void start('jsonl')}>
            Export as JSONL
          </button>
          <button type="button" class="quiet" onClick={() => void start('csv')}>
            Export as CSV
          </button>
        </div>
      ) : (
        <div class="row">
          <progress aria-label="Exporting" />
          <span>{spellBytes(bytes)} so far</span>
          <button type="button" class="quiet" onClick={cancel}>
            Cancel
          </button>
        </div>
      )}
      {error !== null && <Fault error={error} />}
    </section>
  );
}
