import { describe, expect, it } from 'vitest';
import { type KeptResponse, ResponsesStore } from './responses-store.js';

const kept = (id: string, more: Partial<KeptResponse> = {}): KeptResponse => ({
  id,
  caller: null,
  isEnded: true,
  isWhole: true,
  whole: () => ({ id }),
  inputItems: [],
  conversation: () => [],
  background: null,
  ...more,
});
const idsOf = (store: ResponsesStore, ...ids: string[]) => ids.filter(id => store.has(id));

describe('kept responses', () => {
  it('make room for newer ones, the longest unused first', () => {
    const store = new ResponsesStore({ maxResponses: 2, maxCharacters: 1_000 });
    store.put(kept('a'));
    store.put(kept('b'));
    expect(store.get('a')?.id).toBe('a');
    store.put(kept('c'));
    expect(idsOf(store, 'a', 'b', 'c')).toEqual(['a', 'c']);
    expect(store.get('b')).toBeNull();
  });

  it('make room by their size, counted anew when they have grown', () => {
    const store = new ResponsesStore({ maxResponses: 10, maxCharacters: 1_000 });
    let text = 'x';
    const growing = kept('a', { whole: () => ({ text }) });
    store.put(kept('b'));
    store.put(growing);
    expect(idsOf(store, 'a', 'b')).toEqual(['a', 'b']);
    text = 'x'.repeat(975);
    store.put(growing);
    expect(idsOf(store, 'a', 'b')).toEqual(['a']);
  });

  it('are not dropped while they run', () => {
    const store = new ResponsesStore({ maxResponses: 1, maxCharacters: 1_000 });
    store.put(kept('a', { isEnded: false }));
    store.put(kept('b'));
    expect(idsOf(store, 'a', 'b')).toEqual(['a']);
  });

  it('are there for their own caller, and for one that sees all', () => {
    const store = new ResponsesStore();
    store.put(kept('a', { caller: 'alice' }));
    expect([store.get('a', 'alice')?.id, store.get('a', 'bob'), store.get('a')?.id]).toEqual([
      'a',
      null,
      'a',
    ]);
  });

  it('count no use that another caller tried to make of them', () => {
    const store = new ResponsesStore({ maxResponses: 2, maxCharacters: 1_000 });
    store.put(kept('a', { caller: 'alice' }));
    store.put(kept('b', { caller: 'alice' }));
    store.get('a', 'bob');
    store.put(kept('c'));
    expect(idsOf(store, 'a', 'b', 'c')).toEqual(['b', 'c']);
  });

  it('are gone when deleted, once', () => {
    const store = new ResponsesStore();
    store.put(kept('a'));
    expect([store.delete('a'), store.delete('a'), store.get('a')]).toEqual([true, false, null]);
  });
});
