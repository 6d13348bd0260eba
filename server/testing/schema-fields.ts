// The fields of a dialect's body by what becomes of them, for the table tests that no new field may escape.
import type { z } from 'zod';

const isRefused = (field: unknown): boolean => (field as z.ZodType).meta()?.refused === true;

const fieldsOf = (schema: z.ZodObject, refused: boolean): string[] =>
  Object.keys(schema.shape).filter(name => isRefused(schema.shape[name]) === refused);

/** Those made by refusedField(): any value that asks for something is a 400. */
export const refusedFields = (schema: z.ZodObject): string[] => fieldsOf(schema, true);

/** All others: each must be shown to act. */
export const acceptedFields = (schema: z.ZodObject): string[] => fieldsOf(schema, false);
