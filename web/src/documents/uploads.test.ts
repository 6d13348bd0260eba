import { describe, expect, it } from 'vitest';
import type { AddedDocument } from '../api/documents.js';
import { Uploads } from './uploads.js';

interface Sent {
  readonly name: string;
  readonly signal: AbortSignal;
  onSent(share: number): void;
  end(status: AddedDocument['status']): Promise<void>;
  fail(error: unknown): Promise<void>;
}

const settled = () => new Promise<void>(resolve => setTimeout(resolve, 0));

function open() {
  const sent: Sent[] = [];
  let added = 0;
  const uploads = new Uploads<{ name: string; size: number }>(
    ({ name }, onSent, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        sent.push({
          name,
          signal,
          onSent,
          end: status => {
            resolve({ id: name, status, chunks: 1 });
            return settled();
          },
          fail: error => {
            reject(error);
            return settled();
          },
        });
      }),
    () => {
      added += 1;
    },
  );
  const add = (...names: string[]): void => uploads.add(names.map(name => ({ name, size: 1 })));
  const kinds = (): string[] => uploads.items.value.map(({ state }) => state.kind);
  return { uploads, sent, add, kinds, added: () => added };
}

describe('uploads', () => {
  it('go one after the other, and each tells what became of it', async () => {
    const { sent, add, kinds, added } = open();
    add('a', 'b', 'c');
    expect(kinds()).toEqual(['sending', 'waiting', 'waiting']);
    await sent[0]?.end('added');
    await sent[1]?.end('duplicate');
    await sent[2]?.fail(new Error('no text'));
    expect(kinds()).toEqual(['added', 'duplicate', 'refused']);
    expect(sent.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(added()).toBe(1);
  });

  it('tell how much of a file is sent', () => {
    const { uploads, sent, add } = open();
    add('a');
    sent[0]?.onSent(0.25);
    expect(uploads.items.value[0]?.state).toEqual({ kind: 'sending', share: 0.25 });
  });

  it('that are cancelled end at once, and the next one begins', async () => {
    const { uploads, sent, add, kinds } = open();
    add('a', 'b', 'c');
    uploads.cancel(3);
    uploads.cancel(1);
    await settled();
    expect(sent[0]?.signal.aborted).toBe(true);
    expect(kinds()).toEqual(['cancelled', 'sending', 'cancelled']);
    await sent[1]?.end('added');
    expect(sent).toHaveLength(2);
    uploads.cancel(2);
    expect(kinds()).toEqual(['cancelled', 'added', 'cancelled']);
  });

  it('that were refused are sent again when told to, and others are not', async () => {
    const { uploads, sent, add, kinds } = open();
    add('a', 'b');
    await sent[0]?.fail(new Error('busy'));
    await sent[1]?.end('added');
    uploads.again(1);
    uploads.again(2);
    expect(kinds()).toEqual(['sending', 'added']);
    await sent[2]?.end('added');
    expect(sent.map(({ name }) => name)).toEqual(['a', 'b', 'a']);
  });

  it('that are over leave the list, and those under way stay', async () => {
    const { uploads, sent, add } = open();
    add('a', 'b');
    await sent[0]?.end('added');
    uploads.clear();
    expect(uploads.items.value.map(({ name }) => name)).toEqual(['b']);
    await sent[1]?.end('added');
    add('c');
    expect(sent).toHaveLength(3);
  });
});
