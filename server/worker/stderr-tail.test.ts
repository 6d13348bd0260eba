import { expect, it } from 'vitest';
import { recordingLogger } from '../testing/recording-logger.js';
import { StderrTail } from './stderr-tail.js';

function tail() {
  const { logger, entries } = recordingLogger();
  return { stderr: new StderrTail(logger), messages: () => entries.map(entry => entry.message) };
}

it('shows whole lines, however they come', () => {
  const { stderr, messages } = tail();
  for (const byte of Buffer.from('Grüße\n\r\n👋 wave\r\nlast')) stderr.push(Buffer.from([byte]));
  expect(messages()).toEqual(['worker: Grüße', 'worker: 👋 wave']);
  stderr.end();
  expect(messages()).toEqual(['worker: Grüße', 'worker: 👋 wave', 'worker: last']);
  expect(stderr.lines()).toEqual(['Grüße', '👋 wave', 'last']);
});

it('keeps the last 8 KiB in whole lines, shows some and counts the rest of a flood', () => {
  const { stderr, messages } = tail();
  const block = Buffer.from(`${'x'.repeat(99)}\n`.repeat(650));
  for (let i = 0; i < 200; i++) stderr.push(block);
  stderr.push(Buffer.from('the end\n'));
  stderr.end();
  expect(messages().filter(message => message.includes('xxx')).length).toBeLessThanOrEqual(40);
  expect(messages().join()).toMatch(/more bytes on stderr were not shown/);
  const lines = stderr.lines();
  expect(lines.at(-1)).toBe('the end');
  expect(lines.slice(0, -1).every(line => line === 'x'.repeat(99))).toBe(true);
  expect(lines.join('\n').length).toBeLessThanOrEqual(8 * 1024);
});

it('keeps no more of a line without end', () => {
  const { stderr, messages } = tail();
  for (let i = 0; i < 500; i++) stderr.push(Buffer.alloc(64 * 1024, 'y'));
  stderr.end();
  expect(stderr.lines().join('').length).toBe(8 * 1024);
  expect(messages().join('').length).toBeLessThan(10_000);
});

it('names the exchange and the trace that a line is about', () => {
  const { logger, entries } = recordingLogger();
  const stderr = new StderrTail(logger);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  stderr.push(
    Buffer.from(`{"level": "error", "request_id": "0192-a", "trace": "${trace}"}\nnothing of it\n`),
  );
  expect(entries.map(({ fields }) => fields)).toEqual([{ exchange_id: '0192-a', trace_id: trace }, {}]);
});
