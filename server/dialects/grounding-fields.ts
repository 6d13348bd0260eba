// The field `documents`, by which an answer is to rest on stored documents, and what of it is told: the same in every
// format. `documents` is in no format's own words, so its clients send it as an extra field and see `sources` as one.
import { z } from 'zod';
import type { GroundingAsk, GroundingReport } from '../domain/grounding.js';

const MAX_TOP_K = 100;

export const documentsSchema = z.union(
  [
    z.boolean(),
    z.strictObject({
      top_k: z
        .int()
        .min(1)
        .max(MAX_TOP_K)
        .optional()
        .describe('Most passages that are put before the model; absent, TOP_K_RESULTS.'),
      threshold: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('Least similarity of a passage to the question; absent, SIMILARITY_THRESHOLD.'),
    }),
  ],
  { error: `true, false, or an object with "top_k" (1 to ${MAX_TOP_K}) and "threshold" (0 to 1)` },
);

/** For formats in which an answer rests on documents only when it is asked to. */
export const documentsField = documentsSchema
  .nullish()
  .describe(
    'The answer is to rest on stored documents: true, or how many passages and how near. `sources` tells which they were; 503 when they cannot be asked.',
  );

type DocumentsField = z.output<typeof documentsField>;

/** @param contextLength most tokens of prompt and answer together; null for what the model holds */
export function toGrounding(
  field: DocumentsField,
  contextLength: number | null = null,
): { readonly grounding?: GroundingAsk } {
  if (field == null || field === false) return {};
  const { top_k: topK = null, threshold = null } = field === true ? {} : field;
  return { grounding: { topK, threshold, isRequired: true, contextLength } };
}

/** For the format in which an answer rests on documents unless it is asked not to. */
export function toUsualGrounding(field: DocumentsField): { readonly grounding?: GroundingAsk } {
  if (field != null) return toGrounding(field);
  return { grounding: { topK: null, threshold: null, isRequired: false, contextLength: null } };
}

const offset = z.int().min(0);
const sourceSchema = z.object({
  document_id: z.string(),
  position: offset.describe('Which passage of its document, from 0.'),
  start_offset: offset.describe("UTF-16 code units of the document's text."),
  end_offset: offset,
  score: z.number().describe('Cosine similarity to the question.'),
  text: z.string(),
  filename: z.string().nullable().describe('Of an uploaded file.'),
  metadata: z.record(z.string(), z.unknown()),
});

/** What an answer has beside its own fields when it was asked to rest on documents. */
export const groundingFields = {
  sources: z
    .array(sourceSchema)
    .describe('What the model was given, as it is numbered there: the first is [1].'),
  grounding: z.object({
    query: z.string().describe('What the documents were searched with.'),
    threshold: z.number(),
    sources_omitted: offset.describe('Passages above the threshold for which the context had no room.'),
    notice: z.string().nullable().describe('Why there are no sources, or fewer; null for nothing.'),
  }),
};

/** The same for schemas of records that may be without. */
export const someGroundingFields = {
  sources: groundingFields.sources.optional(),
  grounding: groundingFields.grounding.optional(),
};

const groundingSchema = z.object(groundingFields);
export type WireGrounding = z.output<typeof groundingSchema>;

export function toWireGrounding({
  query,
  threshold,
  sources,
  omitted,
  notice,
}: GroundingReport): WireGrounding {
  return {
    sources: sources.map(source => ({
      document_id: source.documentId,
      position: source.position,
      start_offset: source.startOffset,
      end_offset: source.endOffset,
      score: source.score,
      text: source.text,
      filename: source.filename,
      metadata: { ...source.metadata },
    })),
    grounding: { query, threshold, sources_omitted: omitted, notice },
  };
}

/** Nothing at all when it was not asked for. */
export function toSomeWireGrounding(report: GroundingReport | null): Partial<WireGrounding> {
  return report === null ? {} : toWireGrounding(report);
}
