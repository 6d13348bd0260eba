import { expect, it } from 'vitest';
import { z } from 'zod';
import { randomId } from './random-id.js';

it('a random id is a UUID, and no other', () => {
  const ids = Array.from({ length: 1_000 }, randomId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) z.uuid({ version: 'v4' }).parse(id);
});
