// What system C's two requests say: a job for a connected client, and a client that opens its stream.
import { z } from 'zod';
import type { GenerateRequest } from '../domain/generation.js';
import type { JobPoint } from '../domain/job.js';
import { documentsField, toGrounding } from './grounding-fields.js';
import { promptSchema } from './prompt-text.js';
import { samplingFields, toSampling } from './sampling-fields.js';

const MAX_CONTEXT_CHARACTERS = 200_000;
const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/;
const JOB_POINT = /^([A-Za-z0-9-]{1,64}):(\d{1,15})$/;

const clientIdSchema = z
  .string()
  .regex(CLIENT_ID, 'must be 1 to 64 letters, digits, hyphens or underscores')
  .describe('The name that the client gave itself when it opened its stream.');

export const submitBodySchema = z.strictObject({
  prompt: promptSchema,
  context: z
    .string()
    .max(MAX_CONTEXT_CHARACTERS)
    .default('')
    .describe('Text that the answer is to rest on; it must fit the context of the model beside the prompt.'),
  documents: documentsField,
  client_id: clientIdSchema,
  ...samplingFields,
});

export type SubmitBody = z.output<typeof submitBodySchema>;

export const submitAnswerSchema = z.strictObject({
  job_id: z.string(),
  status: z.literal('queued'),
  position: z.int().min(0).describe('Place in the line; 1 is next, 0 is at work already.'),
});

export const clientPathSchema = z.strictObject({ client_id: clientIdSchema });

const pointText = z.string().regex(JOB_POINT, 'must be the id of an event, such as 0192f0c1-…:17');

export const clientQuerySchema = z
  .strictObject({
    from: pointText
      .optional()
      .describe('Id of the last event that was read; the stream ends when all has been said.'),
    last_event_id: pointText
      .optional()
      .describe('The same, for readers that cannot set the header Last-Event-ID.'),
  })
  .refine(({ from, last_event_id }) => from === undefined || last_event_id === undefined, {
    error: 'has no place beside "last_event_id"',
    path: ['from'],
  });

/** Null for what is no event's id. */
export function parsePoint(text: string): JobPoint | null {
  const [, jobId, seq] = JOB_POINT.exec(text) ?? [];
  return jobId === undefined ? null : { jobId, seq: Number(seq) };
}

const GROUNDING = 'Answer from the following text. If the answer is not in it, say so.';

/** `seed` is the one to use when the body has none. */
export function toGeneration(
  { prompt, context, documents, client_id: _, ...fields }: SubmitBody,
  seed: number,
): Omit<GenerateRequest, 'id'> {
  const system = { role: 'system', content: `${GROUNDING}\n\n${context}` } as const;
  const user = { role: 'user', content: prompt } as const;
  return {
    input: { messages: context.trim() === '' ? [user] : [system, user] },
    sampling: toSampling(fields, seed),
    ...toGrounding(documents),
  };
}
