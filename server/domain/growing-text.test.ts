import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GrowingText } from './growing-text.js';

it('is its pieces, one after the other, whenever it is read', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(null)), { maxLength: 2_000 }),
      parts => {
        const text = new GrowingText();
        let expected = '';
        for (const part of parts) {
          if (part === null) expect(String(text)).toBe(expected);
          else {
            text.append(part);
            expected += part;
          }
          expect(text.isEmpty).toBe(expected === '');
        }
        expect(String(text)).toBe(expected);
      },
    ),
  );
});

it('takes up little more than its characters', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const tokens = 200_000;
  const text = new GrowingText();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < tokens; n++) text.append(JSON.parse(`" number${n}"`) as string);
  collect();
  const grewBytes = process.memoryUsage().heapUsed - before;
  const { length } = String(text);
  expect(grewBytes).toBeLessThan(length * 2);
});
