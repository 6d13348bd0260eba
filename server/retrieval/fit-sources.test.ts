import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatInput } from '../domain/generation.js';
import { sampleSource } from '../testing/sample-grounding.js';
import { augment } from './augment.js';
import { fitSources } from './fit-sources.js';

const INPUT: ChatInput = { messages: [{ role: 'user', content: 'Which colour?' }] };
const wordsIn = ({ messages }: ChatInput): number => (messages[0]?.content ?? '').split(/\s+/).length;

describe('sources in a context', () => {
  it('all stay at exactly their tokens and one loses its place at one less', async () => {
    const sources = ['one two three', 'four five', 'six'].map(text => sampleSource(text));
    const whole = wordsIn(augment(INPUT, sources));
    const within = (limit: number) =>
      fitSources(INPUT, sources, { limit, count: async input => wordsIn(input) });
    expect(await within(whole + 1)).toMatchObject({ sources, promptTokens: whole });
    expect(await within(whole)).toMatchObject({ sources, promptTokens: whole });
    expect((await within(whole - 1)).sources).toEqual(sources.slice(0, 2));
  });

  it('are counted once when all fit, and the prompt without any is not', async () => {
    const counted: ChatInput[] = [];
    const count = async (input: ChatInput): Promise<number> => {
      counted.push(input);
      return 10;
    };
    const sources = [sampleSource('a'), sampleSource('b')];
    await fitSources(INPUT, sources, { limit: 10, count });
    expect(counted).toEqual([augment(INPUT, sources)]);
    expect(await fitSources(INPUT, sources, { limit: 9, count })).toEqual({
      input: INPUT,
      sources: [],
      promptTokens: null,
    });
    expect(counted).not.toContainEqual(INPUT);
  });

  it('are the best that fit, never one more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 12 }), fc.nat(150), async (lengths, limit) => {
        const sources = lengths.map(length => sampleSource('word '.repeat(length)));
        const count = async (input: ChatInput): Promise<number> => wordsIn(input);
        const fitted = await fitSources(INPUT, sources, { limit, count });
        const kept = fitted.sources.length;
        expect(fitted.sources).toEqual(sources.slice(0, kept));
        expect(fitted.input).toEqual(augment(INPUT, fitted.sources));
        if (kept > 0) expect(wordsIn(fitted.input)).toBeLessThanOrEqual(limit);
        if (kept < sources.length) {
          expect(wordsIn(augment(INPUT, sources.slice(0, kept + 1)))).toBeGreaterThan(limit);
        }
      }),
    );
  });
});
