// What the documents have to say to a request: its question, the passages above the threshold, or why there are none.
// Knows no model.
import type { GenerationInput } from '../domain/generation.js';
import type { Source } from '../domain/grounding.js';
import { queriesOf } from './augment.js';
import type { StoredDocuments } from './stored-documents.js';

export interface Found {
  readonly query: string;
  /** Those above the threshold, best first. */
  readonly sources: readonly Source[];
  /** Why there are none; null when there are. */
  readonly notice: string | null;
}

/** @throws what `findNearest` throws */
export async function lookUp(
  documents: Pick<StoredDocuments, 'findNearest'>,
  input: GenerationInput,
  { topK, threshold }: { readonly topK: number; readonly threshold: number },
  signal: AbortSignal,
): Promise<Found> {
  const queries = queriesOf(input);
  const [first = ''] = queries;
  let nearest = Number.NEGATIVE_INFINITY;
  for (const query of queries) {
    const found = await documents.findNearest(query, topK, signal);
    if (found === null) return { query: first, sources: [], notice: 'No documents are stored.' };
    const sources = found.filter(({ score }) => score >= threshold).slice(0, topK);
    if (sources.length > 0) return { query, sources, notice: null };
    nearest = Math.max(nearest, ...found.map(({ score }) => score));
  }
  const none = `No document above ${threshold}`;
  const notice = Number.isFinite(nearest)
    ? `${none}: the nearest passage has ${nearest.toFixed(2)}.`
    : `${none}.`;
  return { query: first, sources: [], notice };
}
