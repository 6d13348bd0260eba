// The line as a table, or as cards where there is no room for one; its entries can be cancelled.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { ApiError } from '../api/http.js';
import { cancelExchange } from '../api/queue.js';
import { confirmed } from '../ui/confirm.js';
import { tell, tellError } from '../ui/notices.js';
import type { Row } from './line.js';

/** So many are drawn until more are asked for: a full line has some hundreds. */
const PAGE = 50;

export function LineTable({ rows }: { rows: readonly Row[] }) {
  const shown = useSignal(PAGE);
  const heading = useRef<HTMLHeadingElement>(null);
  const cancel = async (row: Row & { readonly id: string }): Promise<void> => {
    const question = row.isRunning
      ? 'Cancel this answer? What is written of it stays in the vault.'
      : 'Take this out of the line? It loses its place.';
    if (!(await confirmed(question, row.isRunning ? 'Cancel the answer' : 'Take it out'))) return;
    // Its button goes with its row.
    heading.current?.focus();
    await cancelAndTell(row.id);
  };
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        In the line
      </h2>
      <table class="line">
        <thead>
          <tr>
            <th scope="col">Place</th>
            <th scope="col">Phase</th>
            <th scope="col">Caller</th>
            <th scope="col">Dialect</th>
            <th scope="col">Waited</th>
            <th scope="col">Its turn</th>
            <th scope="col" class="number">
              Tokens
            </th>
            <th scope="col">
              <span class="visually-hidden">Cancel</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown.value).map((row, at) => (
            <LineRow key={row.id ?? `place-${at}`} row={row} onCancel={cancel} />
          ))}
        </tbody>
      </table>
      {rows.length > shown.value && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            shown.value += PAGE;
          }}
        >
          {rows.length - shown.value} more
        </button>
      )}
    </>
  );
}

interface LineRowProps {
  readonly row: Row;
  readonly onCancel: (row: Row & { readonly id: string }) => Promise<void>;
}

function LineRow({ row, onCancel }: LineRowProps) {
  const { id, place, phase, caller, dialect, waited, expected, tokens, isRunning } = row;
  return (
    <tr class={isRunning ? 'running' : undefined}>
      <th scope="row" data-name="Place">
        {place}
      </th>
      <td data-name="Phase">{phase}</td>
      <td data-name="Caller">{caller}</td>
      <td data-name="Dialect">{dialect}</td>
      <td data-name="Waited">{waited}</td>
      <td data-name="Its turn">{expected}</td>
      <td data-name="Tokens" class="number">
        {tokens}
      </td>
      <td class="act">
        {id !== null && (
          <button
            type="button"
            class="quiet"
            aria-label={`Cancel ${caller}’s ${dialect}, ${phase}, place ${place}`}
            onClick={() => void onCancel({ ...row, id })}
          >
            Cancel
          </button>
        )}
      </td>
    </tr>
  );
}

async function cancelAndTell(id: string): Promise<void> {
  try {
    await cancelExchange(id);
    tell('done', 'It is cancelled.');
  } catch (error) {
    if (error instanceof ApiError && error.code === 'exchange_not_found')
      tell('done', 'It had ended already.');
    else tellError(error);
  }
}
