// The parts of an app, any call of which can be made to fail in a way that nobody foresaw. Knows no part.
import type { Parts } from '../parts.js';

export const INJECTED = 'injected-7b1e';

/** How a call can fail: at once, by its promise, at the first event of its stream, or after that. */
export type Failure = 'throws' | 'rejects' | 'fails at the first event' | 'fails after the first event';

export interface FaultyParts {
  readonly parts: Parts;
  /** Calls made since it was last asked, by `part.method`, each with the failures that are possible there. */
  takeCalls(): Map<string, readonly Failure[]>;
  /** From now on that call fails so; null: none does. */
  arm(call: string | null, failure?: Failure): void;
}

type Call = (...values: unknown[]) => unknown;

/** @param spared parts that work at all times */
export function createFaultyParts(real: Parts, spared: readonly (keyof Parts)[]): FaultyParts {
  let calls = new Map<string, readonly Failure[]>();
  let armed: { readonly call: string | null; readonly failure: Failure } = { call: null, failure: 'throws' };

  function wrapCall(name: string, call: Call): Call {
    return (...values) => {
      const failure = armed.call === name ? armed.failure : null;
      if (failure === 'throws') throw new Error(INJECTED);
      if (failure === 'rejects') return Promise.reject(new Error(INJECTED));
      const result = call(...values);
      calls.set(name, failuresOf(result));
      if (!isStream(result)) return result;
      return failure === null ? result : failing(result, failure === 'fails at the first event' ? 0 : 1);
    };
  }

  function wrap(value: unknown, name: string): unknown {
    if (typeof value !== 'object' || value === null) return value;
    return new Proxy(value, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof key === 'symbol') return member;
        const path = name === '' ? key : `${name}.${key}`;
        if (name === '' && (spared as readonly string[]).includes(key)) return member;
        // Of the thing itself: what is private in it is not the proxy's.
        if (typeof member === 'function') return wrapCall(path, (member as Call).bind(target));
        // What a proxy must return unchanged.
        const isFixed = Object.getOwnPropertyDescriptor(target, key)?.configurable === false;
        return isFixed ? member : wrap(member, path);
      },
    });
  }

  return {
    parts: wrap(real, '') as Parts,
    takeCalls: () => {
      const taken = calls;
      calls = new Map();
      return taken;
    },
    arm: (call, failure = 'throws') => {
      armed = { call, failure };
    },
  };
}

function failuresOf(result: unknown): readonly Failure[] {
  if (isStream(result)) return ['throws', 'fails at the first event', 'fails after the first event'];
  return result instanceof Promise ? ['rejects'] : ['throws'];
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

async function* failing(stream: AsyncIterable<unknown>, after: number): AsyncGenerator<unknown> {
  let told = 0;
  for await (const event of stream) {
    if (told === after) throw new Error(INJECTED);
    told += 1;
    yield event;
  }
}
