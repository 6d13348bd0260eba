import { describe, expect, it } from 'vitest';
import { type Frame, FrameLog } from './frame-log.js';

const frame = (number: number): Frame => ({ type: 'x', number, text: `${number}` });
const never = () => new AbortController().signal;

async function numbersOf(frames: AsyncIterable<readonly Frame[]>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const batch of frames) numbers.push(...batch.map(({ number }) => number));
  return numbers;
}

describe('a log of frames', () => {
  it('gives every reader what it has not seen, then what comes, wherever it begins', async () => {
    const total = 30;
    const log = new FrameLog();
    const readers = Array.from({ length: total }, (_, after) => numbersOf(log.read(after - 1, never())));
    for (let number = 0; number < total; number++) {
      log.append([frame(number)]);
      await Promise.resolve();
    }
    const late = numbersOf(log.read(9, never()));
    log.end();
    const all = Array.from({ length: total }, (_, number) => number);
    expect(await Promise.all(readers)).toEqual(all.map(after => all.slice(after)));
    expect(await late).toEqual(all.slice(10));
    expect(await numbersOf(log.read(-1, never()))).toEqual(all);
  });

  it('lets a reader go that leaves while it waits', async () => {
    const log = new FrameLog();
    const leaving = new AbortController();
    const read = numbersOf(log.read(-1, leaving.signal));
    log.append([frame(0)]);
    leaving.abort();
    expect((await read).length).toBeLessThanOrEqual(1);
  });

  it('knows its length and size', () => {
    const log = new FrameLog();
    log.append([frame(0), { ...frame(1), text: 'abc' }]);
    expect([log.length, log.characters]).toEqual([2, 4]);
  });
});
