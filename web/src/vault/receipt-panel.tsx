// The receipt of an exchange, part by part.
import type { HistoryItem } from '../api/history.js';
import { copy } from '../ui/clipboard.js';
import { receiptOf, receiptText } from './receipt.js';

export function ReceiptPanel({ exchange }: { exchange: HistoryItem }) {
  return (
    <section class="card" aria-labelledby="receipt">
      <div class="row spread part-head">
        <h2 id="receipt">Receipt</h2>
        <div class="row">
          <button type="button" class="quiet" onClick={() => void copy(receiptText(exchange))}>
            Copy the receipt
          </button>
          <button type="button" class="quiet" onClick={() => void copy(JSON.stringify(exchange, null, 2))}>
            Copy as JSON
          </button>
        </div>
      </div>
      {receiptOf(exchange)
        .filter(({ lines }) => lines.length > 0)
        .map(({ title, lines }) => (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl class="receipt">
              {lines.map(({ name, value, isCode }) => (
                <div key={name} class="line">
                  <dt>{name}</dt>
                  <dd class={isCode ? 'mono' : undefined}>{value}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
    </section>
  );
}
