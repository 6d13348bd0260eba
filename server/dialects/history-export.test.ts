import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toLogLine } from '../store/log-line.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { createExportEncoder, type ExportFormat } from './history-export.js';
import { historyItemSchema } from './history-item.js';

const lineOf = (fields = {}): string => toLogLine(sampleExchange(fields)).trimEnd();
const event = (line: string) => ({ type: 'exchange', line }) as const;

function encodeAll(format: ExportFormat, ...batches: string[][]): string {
  const encoder = createExportEncoder(format);
  return batches.map(lines => encoder.events(lines.map(event))).join('') + encoder.events([{ type: 'done' }]);
}

describe('an export as JSONL', () => {
  it('is the log’s own lines', () => {
    const lines = [lineOf(), lineOf({ response: 'two\u2028lines\n' }), lineOf()];
    expect(encodeAll('jsonl', lines.slice(0, 2), lines.slice(2))).toBe(`${lines.join('\n')}\n`);
    expect(encodeAll('jsonl')).toBe('');
  });
});

describe('an export as CSV', () => {
  it('has one header and a row for each exchange', () => {
    const text = encodeAll(
      'csv',
      [lineOf(), lineOf({ status: 'failed', error: { code: 'x', message: 'y' } })],
      [lineOf()],
    );
    const rows: Record<string, string>[] = parse(text, { columns: true });
    expect(rows.map(({ status, error_code }) => [status, error_code])).toEqual([
      ['completed', ''],
      ['failed', 'x'],
      ['completed', ''],
    ]);
    expect(rows[0]).toMatchObject({ model: 'smollm2-135m-instruct', seed: '7', completion_tokens: '42' });
    expect(text.startsWith('timestamp,id,status,reason,prompt,response,')).toBe(true);
    expect(encodeAll('csv').split('\r\n')).toHaveLength(2);
  });

  it('gives every text back, whatever is in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.stringMatching(/^[=+\-@＝＋－＠\t\r",;\n a]{0,6}$/),
    );
    fc.assert(
      fc.property(text, text, (prompt, response) => {
        const [row]: Record<string, string>[] = parse(encodeAll('csv', [lineOf({ prompt, response })]), {
          columns: true,
        });
        const guarded = (value: string): string => (/^[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value);
        expect([row?.prompt, row?.response]).toEqual([guarded(prompt), guarded(response)]);
      }),
    );
  });

  it.each(['1. Red\n\n2. Blue', '\n', 'a\rb'])('quotes a text with line breaks alone: %j', response => {
    expect(encodeAll('csv', [lineOf({ response })])).toContain(`,"${response}",`);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])(
    'is no formula to a spreadsheet: %j',
    formula => {
      for (const field of ['prompt', 'response', 'requestId']) {
        const [row]: Record<string, string>[] = parse(encodeAll('csv', [lineOf({ [field]: formula })]), {
          columns: true,
        });
        expect(Object.values(row ?? {})).toContain(`'${formula}`);
        expect(Object.values(row ?? {})).not.toContain(formula);
      }
    },
  );
});

it('the schema of an item knows every field of the log', () => {
  const item = JSON.parse(lineOf());
  expect(Object.keys(historyItemSchema.shape).toSorted()).toEqual(Object.keys(item).toSorted());
  expect(historyItemSchema.parse(item)).toEqual(item);
});
