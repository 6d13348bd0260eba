// No field of the replaced systems' bodies is accepted and then ignored: each has a row that shows it act.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { GenerationInput, Sampling } from '../domain/generation.js';
import * as chat from './chat-body.js';
import * as generate from './generate-body.js';
import * as job from './job-body.js';
import { samplingFields } from './sampling-fields.js';
import * as stream from './stream-body.js';

interface Body {
  readonly schema: z.ZodObject;
  readonly least: Record<string, unknown>;
  readonly toGeneration: (body: never, seed: number) => { input: GenerationInput; sampling: Sampling };
  /** Fields beside the sampling ones: what shows that they act. */
  readonly acts: Readonly<Record<string, unknown>>;
  /** Fields that say who is answered or how, not what the model gets: routes/*.test.ts show those. */
  readonly elsewhere: readonly string[];
}

const user = (content: string) => [{ role: 'user', content }];
const BODIES: Readonly<Record<string, Body>> = {
  '/generate': {
    schema: generate.generateBodySchema,
    least: { prompt: 'x' },
    toGeneration: generate.toGeneration,
    acts: { prompt: 'y', logprobs: 2 },
    elsewhere: [],
  },
  '/stream': {
    schema: stream.streamBodySchema,
    least: { prompt: 'x' },
    toGeneration: stream.toGeneration,
    acts: { prompt: 'y' },
    elsewhere: [],
  },
  '/api/v1/chat': {
    schema: chat.chatBodySchema,
    least: { messages: user('x') },
    toGeneration: chat.toGeneration,
    acts: { messages: user('y'), documents: false },
    elsewhere: ['stream'],
  },
  '/api/v1/chat/submit': {
    schema: job.submitBodySchema,
    least: { prompt: 'x', client_id: 'me' },
    toGeneration: job.toGeneration,
    acts: { prompt: 'y', context: 'z', documents: true },
    elsewhere: ['client_id'],
  },
};
/** Other than every default. */
const SAMPLING: Readonly<Record<string, unknown>> = {
  max_tokens: 7,
  temperature: 1.5,
  top_p: 0.5,
  top_k: 3,
  min_p: 0.4,
  repetition_penalty: 1.5,
  presence_penalty: 0.6,
  frequency_penalty: 0.7,
  seed: 8,
  stop: 'END',
};

describe.each(Object.entries(BODIES))(
  'the body of %s',
  (_path, { schema, least, toGeneration, acts, elsewhere }) => {
    const generationOf = (fields: Record<string, unknown>) =>
      toGeneration(schema.parse({ ...least, ...fields }) as never, 42);

    it.each(Object.keys(schema.shape).filter(field => !elsewhere.includes(field)))('acts on %s', field => {
      const value = acts[field] ?? SAMPLING[field];
      expect(value, 'has a row in this table').toBeDefined();
      expect(generationOf({ [field]: value })).not.toEqual(generationOf({}));
    });

    it('has all sampling fields', () => {
      expect(Object.keys(schema.shape)).toEqual(expect.arrayContaining(Object.keys(samplingFields)));
    });

    it('refuses any other field', () => {
      expect(schema.safeParse({ ...least, model: 'x' }).error?.issues[0]).toMatchObject({ keys: ['model'] });
    });
  },
);
