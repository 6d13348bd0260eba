// The judge judged: each breach of an invariant is found, and nothing else is taken for one.
import { describe, expect, it } from 'vitest';
import { checkEntries, checkLog } from './invariants.mjs';
import { type Entry, Ledger } from './ledger.mjs';
import type { Logged, ReadLog } from './log-files.mjs';
import { createRandom } from './random.mjs';

const patient = { mayCut: false };

function sampleLedger(): Ledger {
  return new Ledger(createRandom(1));
}

/** One that had its whole answer: its prompt, once. */
function completed(ledger: Ledger): Entry {
  const entry = ledger.open({ dialect: 'simple-ndjson' });
  return Object.assign(entry, {
    id: `id-${entry.number}`,
    status: 200,
    text: entry.prompt,
    words: entry.prompt.split(' ').length,
    terminals: ['done: stop'],
    outcome: 'completed',
  });
}

function logOf(...exchanges: Logged[]): ReadLog {
  return {
    exchanges: new Map(exchanges.map(exchange => [exchange.id, exchange])),
    lines: new Map(exchanges.map(exchange => [exchange.id, JSON.stringify(exchange)])),
    faults: [],
  };
}

function logged({ id, prompt, text, dialect }: Entry, changes: Partial<Logged> = {}): Logged {
  const same = { id: id ?? '', timestamp: '2026-01-01T00:00:00.000Z', prompt, response: text, dialect };
  return { ...same, status: 'completed', reason: 'stop', error: null, usage: null, ...changes };
}

describe('what clients saw', () => {
  it('is well when each has its own answer and one end', () => {
    const ledger = sampleLedger();
    completed(ledger);
    completed(ledger);
    expect(checkEntries(ledger.entries, patient)).toEqual([]);
  });

  it.each<[string, (entry: Entry, other: Entry) => Partial<Entry>, string]>([
    ['no end', () => ({ terminals: [] }), 'I1: 0 ends'],
    ['two ends', () => ({ terminals: ['done: stop', 'done: stop'] }), 'I1: 2 ends'],
    ['text behind its end', () => ({ terminals: ['done: stop', 'text behind the end'] }), 'I1: 2 ends'],
    ['a cut', () => ({ outcome: 'cut', terminals: [] }), 'I1: cut'],
    ['nothing for ever', () => ({ outcome: 'hung', terminals: [] }), 'I1: it never ended'],
    ['too few words', ({ nonce }) => ({ text: nonce }), 'I1: 1 of'],
    ['a nonce of another', (_, other) => ({ strays: [other.nonce] }), 'I2: it holds'],
    ['words of another', (_, other) => ({ text: other.prompt, words: null }), 'I2: not its own answer'],
  ])('has a fault with %s', (_, change, fault) => {
    const ledger = sampleLedger();
    const [entry, other] = [completed(ledger), completed(ledger)];
    Object.assign(entry, change(entry, other));
    const faults = checkEntries(ledger.entries, patient);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it('may be cut where the gateway itself was killed, and not after its end', () => {
    const ledger = sampleLedger();
    const entry = Object.assign(completed(ledger), { outcome: 'cut', terminals: [] });
    expect(checkEntries(ledger.entries, { mayCut: true })).toEqual([]);
    entry.terminals.push('done: stop');
    expect(checkEntries(ledger.entries, { mayCut: true })).toHaveLength(1);
  });
});

describe('the log beside what clients saw', () => {
  it('is well when it has all of it and nothing else', () => {
    const ledger = sampleLedger();
    const entries = [completed(ledger), completed(ledger)];
    expect(checkLog(entries, logOf(...entries.map(entry => logged(entry))), patient)).toEqual([]);
  });

  it('need not have a plain text that broke off where the gateway itself was killed', () => {
    const entry = Object.assign(completed(sampleLedger()), {
      outcome: 'failed',
      terminals: ['error: broken'],
    });
    expect(checkLog([entry], logOf(), { mayCut: true })).toEqual([]);
    expect(checkLog([entry], logOf(), patient)).toHaveLength(1);
    const whole = logOf(logged(entry, { response: `${entry.text} ${entry.nonce}` }));
    expect(checkLog([entry], whole, { mayCut: true })).toEqual([]);
  });

  it('must have what ended or had text, and need not have what was left before its first word', () => {
    const ledger = sampleLedger();
    const [whole, failed, left, early] = [1, 2, 3, 4].map(() => completed(ledger)) as [
      Entry,
      Entry,
      Entry,
      Entry,
    ];
    Object.assign(failed, { outcome: 'failed', terminals: ['error: worker_killed'] });
    Object.assign(left, { outcome: 'left', terminals: [] });
    Object.assign(early, { outcome: 'left', terminals: [], text: '' });
    const faults = checkLog([whole, failed, left, early], logOf(), patient);
    expect(faults.map(fault => fault.split(' (')[0])).toEqual([
      'I4: completed, and not in the log',
      'I4: failed, and not in the log',
      'I4: left, and not in the log',
    ]);
  });

  it.each<[string, Partial<Logged>, string]>([
    ['less text', { response: '' }, 'I5: the log has 0 characters'],
    ['more text than one who stayed to the end', { response: 'more' }, 'I5'],
    ['another end', { status: 'failed' }, 'I5: completed, and failed in the log'],
    ['another dialect', { dialect: 'plain-text' }, 'I5: the log has it as plain-text'],
    ['another id', { id: 'id-other' }, 'I4: the log has it as id-other'],
  ])('has a fault with %s', (_, changes, fault) => {
    const entry = completed(sampleLedger());
    const exchange = logged(entry, changes);
    if (changes.response === 'more') exchange.response = `${entry.text} ${entry.nonce}`;
    const faults = checkLog([entry], logOf(exchange), patient);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it('may have more than one who left, and only of the same answer', () => {
    const entry = Object.assign(completed(sampleLedger()), { outcome: 'left', terminals: [] });
    const more = logged(entry, { status: 'cancelled', response: `${entry.text} ${entry.nonce}` });
    expect(checkLog([entry], logOf(more), patient)).toEqual([]);
    const others = logged(entry, { status: 'cancelled', response: `${entry.text} another` });
    expect(checkLog([entry], logOf(others), patient)).toHaveLength(1);
  });

  it('has nothing that was refused, and nothing that nobody asked', () => {
    const entry = Object.assign(completed(sampleLedger()), {
      outcome: 'refused',
      status: 503,
      terminals: [],
    });
    expect(checkLog([entry], logOf(logged(entry)), patient)[0]).toContain('I4: refused, and in the log');
    expect(checkLog([], logOf(logged(entry)), patient)[0]).toContain('no client asked it');
  });
});
