// Stored documents as an answer sees them, played by a test.
import type { Source } from '../domain/grounding.js';
import type { AppError } from '../errors.js';
import type { StoredDocuments } from '../retrieval/stored-documents.js';

export interface ScriptedDocuments extends StoredDocuments {
  /** Everything they were asked, in order. */
  readonly asked: { readonly query: string; readonly topK: number; readonly signal: AbortSignal }[];
}

export interface DocumentsScript {
  /** What is near; null when nothing is stored. */
  readonly near?: (query: string) => readonly Source[] | null;
  /** Thrown by `require`. */
  readonly fault?: AppError;
  /** Waited for before each answer. */
  readonly until?: Promise<void>;
}

export function scriptedDocuments({
  near = () => [],
  fault,
  until,
}: DocumentsScript = {}): ScriptedDocuments {
  const asked: ScriptedDocuments['asked'] = [];
  const require = (): void => {
    if (fault) throw fault;
  };
  return {
    asked,
    require,
    findNearest: async (query, topK, signal) => {
      asked.push({ query, topK, signal });
      require();
      await until;
      return near(query);
    },
  };
}
