import { describe, expect, it } from 'vitest';
import { historyItemSchema } from '../../../server/dialects/history-item.js';
import { toLogLine } from '../../../server/store/log-line.js';
import { sampleExchange } from '../../../server/testing/sample-exchange.js';
import { receiptOf, receiptText } from './receipt.js';

const exchange = (fields: Parameters<typeof sampleExchange>[0] = {}) =>
  historyItemSchema.parse(JSON.parse(toLogLine(sampleExchange(fields))));

const valueNamed = (item: ReturnType<typeof exchange>, name: string): string | undefined =>
  receiptOf(item)
    .flatMap(({ lines }) => lines)
    .find(line => line.name === name)?.value;

describe('a receipt', () => {
  it('has what is needed to tell an exchange apart and to ask it again', () => {
    const item = exchange();
    const text = receiptText(item);
    for (const part of [
      item.id,
      item.model.id,
      item.model.digest,
      item.engine,
      item.request_id,
      item.dialect,
    ]) {
      expect(text).toContain(part);
    }
    expect(valueNamed(item, 'seed')).toBe(String(item.parameters.seed));
    expect(valueNamed(item, 'temperature')).toBe(String(item.parameters.temperature));
  });

  it('tells why an exchange failed, and leaves out the figures that it never had', () => {
    const failed = exchange({
      status: 'failed',
      reason: null,
      error: { code: 'worker_crashed', message: 'It died.' },
      usage: null,
      timings: null,
    });
    expect(valueNamed(failed, 'Status')).toBe('failed');
    expect(valueNamed(failed, 'Error')).toBe('worker_crashed: It died.');
    expect(valueNamed(failed, 'Speed')).toBeUndefined();
    expect(receiptOf(failed).find(({ title }) => title === 'Cost')?.lines).toEqual([]);
    expect(valueNamed(exchange(), 'Error')).toBeUndefined();
  });

  it('tells an answer that was cut from one that came to its end', () => {
    expect(valueNamed(exchange({ status: 'completed', reason: 'length' }), 'Status')).toBe(
      'completed, length',
    );
    expect(valueNamed(exchange({ status: 'cancelled', reason: 'cancelled' }), 'Status')).toBe('cancelled');
  });

  it('leaves out parameters that say nothing', () => {
    const names = receiptOf(exchange()).flatMap(({ lines }) => lines.map(({ name }) => name));
    expect(names).not.toContain('constraint');
    expect(names).not.toContain('logit bias');
  });
});
