// OpenAI's list of models.
import { z } from 'zod';
import { toUnixSeconds } from './openai-answer.js';

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('When this gateway was started.'),
  owned_by: z.string(),
});

export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

export function toModel(id: string, createdAt: Date): z.input<typeof modelSchema> {
  return { id, object: 'model', created: toUnixSeconds(createdAt), owned_by: 'minivault' };
}

export function toModelList(ids: readonly string[], createdAt: Date): z.input<typeof modelListSchema> {
  return { object: 'list', data: ids.map(id => toModel(id, createdAt)) };
}
