import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { refusedField } from '../dialects/refused-field.js';
import { parseWith } from './body.js';

const schema = z.object({ suffix: refusedField('the model cannot fill a gap.', [null, '', []]) });

describe('a refused field', () => {
  it.each([{}, { suffix: undefined }, { suffix: null }, { suffix: '' }, { suffix: [] }])(
    'passes when it asks for nothing: %j',
    body => {
      expect(parseWith(schema, body)).toEqual(body);
    },
  );

  it.each([{ suffix: 'x' }, { suffix: 0 }, { suffix: false }, { suffix: {} }])(
    'is named with the reason otherwise: %j',
    body => {
      expect(() => parseWith(schema, body)).toThrow(
        expect.objectContaining({
          code: 'unsupported_parameter',
          param: 'suffix',
          message: '"suffix" is not supported: the model cannot fill a gap.',
        }),
      );
    },
  );

  it('says so in the schema that the reference page is made from', () => {
    expect(z.toJSONSchema(schema).properties?.suffix).toMatchObject({
      refused: true,
      description: 'Not supported: the model cannot fill a gap.',
    });
  });
});
