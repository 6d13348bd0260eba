import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toAppError } from '../errors.js';
import { parseWith } from './body.js';

const part = z.discriminatedUnion('type', [z.object({ type: z.literal('text'), text: z.string() })], {
  error: 'only text is read',
});
const schema = z.object({
  content: z.union([z.string(), z.array(part)]),
  stop: z.union([z.string(), z.array(z.string())], { error: 'a string or strings' }).optional(),
});

function faultOf(value: unknown): { param: string | undefined; message: string } {
  try {
    parseWith(schema, value);
  } catch (thrown) {
    const { param, message } = toAppError(thrown);
    return { param, message };
  }
  throw new Error('nothing was refused');
}

describe('a field that may be of several shapes', () => {
  it('is refused by the deepest fault of the shape it comes closest to', () => {
    const good = { type: 'text', text: 'a' };
    expect(faultOf({ content: [good, { type: 'image' }] })).toEqual({
      param: 'content.1.type',
      message: '"content.1.type": only text is read',
    });
    expect(faultOf({ content: [{ type: 'text' }] }).param).toBe('content.0.text');
  });

  it('is refused with all that it could have been when it is of none', () => {
    expect(faultOf({ content: 3 })).toEqual({
      param: 'content',
      message:
        '"content": Invalid input: expected string, received number, or Invalid input: expected array, received number',
    });
  });

  it('is refused in its own words where it has them', () => {
    expect(faultOf({ content: '', stop: [1] })).toEqual({
      param: 'stop',
      message: '"stop": a string or strings',
    });
  });
});
