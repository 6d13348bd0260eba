import { describe, expect, it } from 'vitest';
import { Spool } from './spool.js';

const line = (text: string) => ({ bytes: Buffer.from(text), release: () => undefined });
const texts = (lines: readonly { bytes: Buffer }[]) => lines.map(({ bytes }) => bytes.toString());

function spoolOf(...lines: string[]): Spool {
  const spool = new Spool();
  for (const text of lines) spool.push(line(text));
  return spool;
}

describe('the spool', () => {
  it('gives the oldest lines that fit together', () => {
    const spool = spoolOf('aa', 'bb', 'cc');
    expect(texts(spool.take(5))).toEqual(['aa', 'bb']);
    expect(texts(spool.take(5))).toEqual(['cc']);
    expect(spool.take(5)).toEqual([]);
  });

  it('gives one line even when it does not fit', () => {
    expect(texts(spoolOf('a long line', 'b').take(1))).toEqual(['a long line']);
  });

  it('takes lines back to its front, in their order', () => {
    const spool = spoolOf('a', 'b', 'c');
    spool.putBack(spool.take(2));
    expect(texts(spool.take(9))).toEqual(['a', 'b', 'c']);
  });

  it('drops the oldest beyond its number of lines', () => {
    const spool = spoolOf('a', 'b', 'c', 'd');
    expect(spool.trim({ maxLines: 2, maxBytes: 100 })).toBe(2);
    expect(texts(spool.take(9))).toEqual(['c', 'd']);
  });

  it('drops the oldest beyond its bytes, but never the newest line', () => {
    const spool = spoolOf('aaaa', 'bbbb', 'cccccccc');
    expect(spool.trim({ maxLines: 9, maxBytes: 12 })).toBe(1);
    expect(spool.trim({ maxLines: 9, maxBytes: 1 })).toBe(1);
    expect(texts(spool.take(99))).toEqual(['cccccccc']);
  });

  it('counts bytes rightly after lines have come and gone', () => {
    const spool = spoolOf('aaaa', 'bbbb');
    spool.putBack(spool.take(4));
    expect(spool.trim({ maxLines: 9, maxBytes: 8 })).toBe(0);
    expect(spool.trim({ maxLines: 9, maxBytes: 7 })).toBe(1);
    expect(spool.length).toBe(1);
    expect(spool.firstBytes).toBe(4);
  });
});
