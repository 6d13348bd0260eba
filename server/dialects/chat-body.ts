// The body of POST /api/v1/chat, system D: a conversation, plus sampling under the worker protocol's own names.
import { z } from 'zod';
import type { GenerateRequest } from '../domain/generation.js';
import { documentsSchema, toUsualGrounding } from './grounding-fields.js';
import { samplingFields, toSampling } from './sampling-fields.js';

const MAX_MESSAGES = 1_000;
const MAX_CONTENT_CHARACTERS = 1_000_000;

const messageSchema = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']).describe('Who speaks.'),
  content: z.string().min(1).max(MAX_CONTENT_CHARACTERS).describe('What is said.'),
});

export const chatBodySchema = z.strictObject({
  messages: z
    .array(messageSchema)
    .min(1)
    .max(MAX_MESSAGES)
    .refine(messages => messages.at(-1)?.role === 'user', { error: 'the last message must be of role user' })
    .describe("The conversation, oldest first; the last message is the user's."),
  stream: z.boolean().default(true).describe('Server-sent events, or one JSON object.'),
  documents: documentsSchema
    .optional()
    .describe(
      'On stored documents the answer rests where any is near enough: how many passages, and how near. True: or not at all, with 503. False: on none.',
    ),
  ...samplingFields,
});

export type ChatBody = z.output<typeof chatBodySchema>;

/** `seed` is the one to use when the body has none. */
export function toGeneration(
  { messages, documents, ...fields }: ChatBody,
  seed: number,
): Omit<GenerateRequest, 'id'> {
  return { input: { messages }, sampling: toSampling(fields, seed), ...toUsualGrounding(documents) };
}
