// On what an answer rests, as the log spells it, and back. Knows nothing of the rest of the line.
import { z } from 'zod';
import type { ExchangeGrounding } from '../domain/exchange.js';

const count = z.int().min(0);

export const lineGroundingSchema = z.object({
  threshold: z.number(),
  sources: z.array(
    z.object({
      document_id: z.string(),
      position: count,
      start_offset: count,
      end_offset: count,
      score: z.number(),
    }),
  ),
  omitted: count,
  notice: z.string().nullable(),
});

type LineGrounding = z.infer<typeof lineGroundingSchema>;

export function toLineGrounding({ threshold, sources, omitted, notice }: ExchangeGrounding): LineGrounding {
  return {
    threshold,
    sources: sources.map(({ documentId, position, startOffset, endOffset, score }) => ({
      document_id: documentId,
      position,
      start_offset: startOffset,
      end_offset: endOffset,
      score,
    })),
    omitted,
    notice,
  };
}

export function fromLineGrounding({ sources, ...same }: LineGrounding): ExchangeGrounding {
  return {
    ...same,
    sources: sources.map(({ document_id, position, start_offset, end_offset, score }) => ({
      documentId: document_id,
      position,
      startOffset: start_offset,
      endOffset: end_offset,
      score,
    })),
  };
}
