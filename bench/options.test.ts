import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.mjs';

const parse = (...words: string[]) => parseOptions(words, ['minivault', 'llama']);

describe('options', () => {
  it('are all off unless asked for', () => {
    expect(parse()).toEqual({
      systems: null,
      quick: false,
      force: false,
      fromResults: false,
      out: null,
      help: false,
    });
  });

  it('choose systems by id', () => {
    expect(parse('--systems', 'llama,minivault').systems).toEqual(['llama', 'minivault']);
    expect(() => parse('--systems', 'lama')).toThrow('--systems knows no lama, only minivault, llama');
  });

  it('are refused by name when unknown', () => {
    expect(() => parse('--fast')).toThrow('--fast');
    expect(() => parse('llama')).toThrow('llama');
  });
});
