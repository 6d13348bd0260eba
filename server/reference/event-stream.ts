// One server-sent event as JSON Schema: its data is text, and that text is JSON of a schema of its own.
import { z } from 'zod';
import type { ZodOpenApiMediaTypeObject } from 'zod-openapi';

/** @param lastData a word that ends the stream and is no JSON */
export function eventSchema(
  record: z.ZodType,
  lastData?: string,
): NonNullable<ZodOpenApiMediaTypeObject['schema']> {
  const { $schema: _, ...contentSchema } = z.toJSONSchema(record, { io: 'output' });
  const data = { type: 'string' as const, contentMediaType: 'application/json', contentSchema };
  return {
    type: 'object',
    required: ['data'],
    properties: {
      event: { type: 'string' },
      id: { type: 'string' },
      retry: { type: 'integer' },
      data: lastData === undefined ? data : { anyOf: [{ const: lastData }, data] },
    },
  };
}
