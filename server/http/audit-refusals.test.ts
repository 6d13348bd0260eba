import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shapeOf } from './audit-refusals.js';

it.each([
  ['/', '/'],
  ['/history', '/history'],
  ['/v1/chat/completions', '/v1/chat/completions'],
  ['/history/019f2d8e-7c1a-7b3e-9d52-3f6a1c0b8e44/replay', '/history/*/replay'],
  ['/api/v1/chat/stream/my-client', '/api/v1/chat/stream/*'],
  ['/mv_sAu2vVbS0GmC8rZ4J5dQ1kXyT7w', '/*'],
  ['/history/%6d%76', '/history/*'],
])('of %s the audit keeps %s', (path, shape) => {
  expect(shapeOf(path)).toBe(shape);
});

it('keeps no part of a path that can be a key of its own length', () => {
  const key = fc.stringMatching(/^[!-.0-~]{16,64}$/);
  fc.assert(fc.property(key, secret => !shapeOf(`/history/${secret}/x`).includes(secret)));
});
