import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { until } from '../testing/until.js';
import { Channel } from './channel.js';
import { MAX_LINE_BYTES, type WorkerMessage } from './protocol.js';

const TEXTS = ['Grüße', ' 👋🏽', ' 你好', '\u0000\u2028"\\', ' e\u0301'];
const MESSAGES: WorkerMessage[] = TEXTS.map((text, i) => ({ type: 'tokens', items: [[`id-${i}`, text, i]] }));
const BYTES = Buffer.from(MESSAGES.map(message => `${JSON.stringify(message)}\n`).join(''));

function openChannel(toWorker: Writable = new PassThrough().resume()) {
  const fromWorker = new PassThrough({ highWaterMark: 8 * MAX_LINE_BYTES });
  const messages: WorkerMessage[] = [];
  const faults: string[] = [];
  const channel = new Channel(fromWorker, toWorker, {
    onMessage: message => messages.push(message),
    onFault: kind => faults.push(kind),
    onOverflow: () => faults.push('overflow'),
  });
  return { fromWorker, channel, messages, faults };
}

async function received(chunks: readonly (Buffer | string)[]) {
  const { fromWorker, channel, messages, faults } = openChannel();
  for (const chunk of chunks) fromWorker.write(chunk);
  fromWorker.end();
  await channel.ended;
  return { messages, faults };
}

describe('what the worker says', () => {
  it('is the same however its bytes are cut: at every single place', async () => {
    for (let at = 1; at < BYTES.length; at++) {
      const { messages, faults } = await received([BYTES.subarray(0, at), BYTES.subarray(at)]);
      expect(messages).toEqual(MESSAGES);
      expect(faults).toEqual([]);
    }
  });

  it('is the same however its bytes are cut: in many places', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async sizes => {
        const chunks: Buffer[] = [];
        for (let from = 0, i = 0; from < BYTES.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          chunks.push(BYTES.subarray(from, from + size));
          from += size;
        }
        expect(await received(chunks)).toEqual({ messages: MESSAGES, faults: [] });
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it('goes on after lines that are not protocol', async () => {
    const noise =
      '\nnull\n[1]\nloading 50%|#####\n{"type":"nope"}\n{"type":"tokens","items":[["a","b",NaN]]}\n';
    const { messages, faults } = await received([noise, BYTES, noise, BYTES]);
    expect(messages).toEqual([...MESSAGES, ...MESSAGES]);
    const once = ['not_protocol', 'not_protocol', 'not_json', 'not_protocol', 'not_json'];
    expect(faults).toEqual([...once, ...once]);
  });

  it('ends with a torn line that counts as a fault', async () => {
    const { messages, faults } = await received([BYTES, '{"type":"tokens","items":[["id-0","to']);
    expect(messages).toEqual(MESSAGES);
    expect(faults).toEqual(['not_json']);
  });

  it('may fill the longest line allowed', async () => {
    const message: WorkerMessage = { type: 'tokens', items: [['a', '', 1]] };
    const text = 'x'.repeat(MAX_LINE_BYTES - JSON.stringify(message).length);
    const { messages, faults } = await received([`{"type":"tokens","items":[["a","${text}",1]]}\n`, BYTES]);
    expect(faults).toEqual([]);
    expect(messages).toHaveLength(1 + MESSAGES.length);
  });

  it.each([
    ['in one whole line', [`"${'x'.repeat(MAX_LINE_BYTES)}"\n`]],
    ['in bytes though not in characters', [`"${'你'.repeat(MAX_LINE_BYTES / 3)}"\n`]],
    ['without ever ending', Array.from({ length: 40 }, () => 'x'.repeat(64 * 1024))],
  ])('is not read any further when a line is too long %s', async (_, chunks) => {
    const { fromWorker, channel, messages, faults } = openChannel();
    for (const chunk of [BYTES, ...chunks, '\n', BYTES]) fromWorker.write(chunk);
    await channel.ended;
    expect(messages).toEqual(MESSAGES);
    expect(faults).toEqual(['overflow']);
    expect(fromWorker.destroyed).toBe(true);
  });

  it('is not delivered any more once the channel is closed', async () => {
    const { fromWorker, channel, messages } = openChannel();
    fromWorker.write(BYTES);
    await until(() => messages.length === MESSAGES.length);
    channel.close();
    fromWorker.write(BYTES);
    await channel.ended;
    expect(messages).toHaveLength(MESSAGES.length);
  });
});

it('delivers none of the lines that came with the one that made its owner close it', async () => {
  const fromWorker = new PassThrough();
  const messages: WorkerMessage[] = [];
  const channel = new Channel(fromWorker, new PassThrough(), {
    onMessage: message => {
      messages.push(message);
      channel.close();
    },
    onFault: () => {},
    onOverflow: () => {},
  });
  fromWorker.write(BYTES);
  await channel.ended;
  expect(messages).toEqual(MESSAGES.slice(0, 1));
});

describe('what the gateway sends', () => {
  it('arrives as one line each and in order, through a pipe that fills up again and again', async () => {
    const arrived: string[] = [];
    let peakBytes = 0;
    const slow = new Writable({
      highWaterMark: 256,
      write(chunk: Buffer, _, done) {
        arrived.push(chunk.toString());
        setImmediate(done);
      },
    });
    const { channel } = openChannel(slow);
    const ids = Array.from({ length: 200 }, (_, i) => `line\n${i}`);
    const sent = ids.map(id => {
      const written = channel.send({ type: 'cancel', id });
      peakBytes = Math.max(peakBytes, slow.writableLength);
      return written;
    });
    expect(await Promise.all(sent)).toEqual(ids.map(() => true));
    expect(arrived).toEqual(ids.map(id => `${JSON.stringify({ type: 'cancel', id })}\n`));
    expect(peakBytes).toBeLessThan(512);
  });

  it('counts as not sent when the pipe breaks, for those in it and those behind it', async () => {
    let writes = 0;
    const breaking = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        writes += 1;
        setImmediate(() => done(writes === 1 ? null : new Error('EPIPE')));
      },
    });
    const { channel } = openChannel(breaking);
    const sent = ['a', 'b', 'c', 'd'].map(id => channel.send({ type: 'cancel', id }));
    expect(await Promise.all(sent)).toEqual([true, false, false, false]);
    expect(await channel.send({ type: 'cancel', id: 'e' })).toBe(false);
  });

  it('counts as not sent when the pipe is closed without an error, as at the end of a child', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => {} });
    const { channel } = openChannel(stuck);
    void channel.send({ type: 'shutdown' });
    const behind = channel.send({ type: 'shutdown' });
    stuck.destroy();
    expect(await behind).toBe(false);
  });

  it('counts as not sent once the channel is closed', async () => {
    const stuck = new Writable({ highWaterMark: 1, write: () => {} });
    const { channel } = openChannel(stuck);
    void channel.send({ type: 'shutdown' });
    const behind = channel.send({ type: 'shutdown' });
    channel.close();
    expect(await behind).toBe(false);
  });

  it('is refused when it would not fit a line', () => {
    const { channel } = openChannel();
    const tooLong = () =>
      channel.send({ type: 'tokenize', id: 'a', prompt: '你'.repeat(MAX_LINE_BYTES / 3) });
    expect(tooLong).toThrow(AppError);
    expect(tooLong).toThrow(expect.objectContaining({ code: 'body_too_large' }));
  });
});
