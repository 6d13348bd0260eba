import { describe, expect, it } from 'vitest';
import { FailedLogins } from './failed-logins.js';
import { MemoryWindows } from './memory-windows.js';

function open(limit: number) {
  const clock = { nowMs: 0 };
  const windows = new MemoryWindows({ now: () => clock.nowMs });
  return { logins: new FailedLogins({ limit, windowMs: 60_000 }, windows), clock };
}

describe('wrong keys', () => {
  it('are refused unread after some, from their address only, until the window has passed', () => {
    const { logins, clock } = open(2);
    logins.fail('a');
    logins.fail('a');
    expect(() => logins.fail('a')).toThrow('Too many wrong keys');
    expect(() => logins.succeed('a', 'key:1')).toThrow('Too many wrong keys');
    expect(() => logins.fail('b')).not.toThrow();
    expect(() => logins.succeed('b', 'key:1')).not.toThrow();
    clock.nowMs = 60_001;
    expect(() => logins.succeed('a', 'key:1')).not.toThrow();
  });

  it('shut out nobody who has come from there before', () => {
    const { logins } = open(1);
    logins.succeed('a', 'key:1');
    logins.fail('a');
    expect(() => logins.fail('a')).toThrow();
    expect(() => logins.succeed('a', 'key:1')).not.toThrow();
    expect(() => logins.succeed('a', 'key:2')).toThrow();
  });

  it('are not counted where nothing is', () => {
    const logins = new FailedLogins(null);
    for (let i = 0; i < 100; i++) logins.fail('a');
    expect(() => logins.succeed('a', 'key:1')).not.toThrow();
  });
});
