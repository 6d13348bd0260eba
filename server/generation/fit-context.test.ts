import { describe, expect, it } from 'vitest';
import type { GenerationInput, Message } from '../domain/generation.js';
import { neverAborted, sampleRequest } from '../testing/sample-request.js';
import type { WorkerStatus } from '../worker/worker.js';
import { type ContextBounds, fitContext } from './fit-context.js';

const MODEL_CONTEXT = 1_000;
const never = neverAborted();
const FREE: ContextBounds = { contextLength: null, dropsMessages: true };

/** Counts a token a character. */
function place(
  messages: readonly Message[],
  bounds: Partial<ContextBounds> = {},
  { maxTokens = 300, isLoading = false } = {},
) {
  const counted: number[] = [];
  let model: unknown = isLoading ? null : { context_length: MODEL_CONTEXT };
  const worker = {
    tokenize: async (input: GenerationInput) => {
      const tokens = (input.messages ?? []).reduce((sum, { content }) => sum + content.length, 0);
      counted.push(tokens);
      return tokens;
    },
    status: () => ({ model }) as WorkerStatus,
  };
  const residency = {
    ready: async () => {
      model = { context_length: MODEL_CONTEXT };
    },
  };
  const { sampling } = sampleRequest();
  const request = { input: { messages }, sampling: { ...sampling, maxTokens } };
  const fitted = fitContext(worker, residency, request, { ...FREE, ...bounds }, never);
  return { fitted, request, counted };
}

const say = (role: Message['role'], length: number, letter: string): Message => ({
  role,
  content: letter.repeat(length),
});
const letters = (messages: readonly Message[] = []): string =>
  messages.map(({ content }) => content[0]).join('');

describe('a request that surely fits', () => {
  it('is left as it is, and the worker not asked', async () => {
    const { fitted, request, counted } = place([say('user', 100, 'a')]);
    expect(await fitted).toBe(request);
    expect(counted).toEqual([]);
  });

  it('is not kept waiting while the model loads', async () => {
    const { fitted, request, counted } = place([say('user', 100, 'a')], {}, { isLoading: true });
    expect(await fitted).toBe(request);
    expect(counted).toEqual([]);
  });
});

describe('a chat that is too long', () => {
  const chat = [
    say('system', 50, 's'),
    say('user', 400, 'a'),
    say('assistant', 400, 'b'),
    say('user', 400, 'c'),
    say('assistant', 100, 'd'),
    say('tool', 100, 't'),
    say('user', 200, 'e'),
  ];

  it('loses its oldest turns, keeps its system message and begins with what a user says', async () => {
    const { fitted } = place(chat);
    expect(letters((await fitted).input.messages)).toBe('scdte');
  });

  it('keeps its last message whatever the others cost', async () => {
    const { fitted } = place(chat, { contextLength: 300 }, { maxTokens: 10 });
    expect(letters((await fitted).input.messages)).toBe('se');
  });

  it('is judged by the model’s context once that is known', async () => {
    const { fitted } = place(chat, {}, { isLoading: true });
    expect(letters((await fitted).input.messages)).toBe('scdte');
  });

  it('is refused with both numbers where nothing may be left out', async () => {
    const { fitted } = place(chat, { dropsMessages: false });
    await expect(fitted).rejects.toMatchObject({
      code: 'context_length_exceeded',
      message: 'The prompt has 1650 tokens; the context holds 1000, the answer included.',
    });
  });

  it('is refused when even its last message does not fit', async () => {
    const { fitted } = place([say('user', 10, 'a'), say('user', 1_000, 'b')]);
    await expect(fitted).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  it('of a thousand turns costs a dozen questions', async () => {
    const turns = Array.from({ length: 1_000 }, (_, i) => say(i % 2 ? 'assistant' : 'user', 10, 'x'));
    const { fitted, counted } = place(turns);
    const { messages = [] } = (await fitted).input;
    expect(messages.length * 10).toBeLessThan(MODEL_CONTEXT);
    expect((messages.length + 2) * 10).toBeGreaterThanOrEqual(MODEL_CONTEXT);
    expect(counted.length).toBeLessThan(14);
  });
});

describe('a context that the client bounds', () => {
  it.each([
    [500, 300, 300],
    [350, 300, 250],
    [2_000, 5_000, 900],
  ])('of %d leaves an answer of at most %d its %d tokens', async (contextLength, maxTokens, left) => {
    const { fitted } = place([say('user', 100, 'a')], { contextLength }, { maxTokens });
    expect((await fitted).sampling.maxTokens).toBe(left);
  });

  it('refuses a prompt that leaves nothing', async () => {
    const { fitted } = place([say('user', 100, 'a')], { contextLength: 100 });
    await expect(fitted).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });
});
