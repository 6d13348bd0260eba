// A word at the start when the documents were embedded by another embedder than there is: before somebody asks and is refused.
import type { Embedder } from '../domain/embedding.js';
import { toAppError } from '../errors.js';
import type { Logger } from '../log.js';
import { hasChunks, requireSameEmbedder } from '../store/chunk-search.js';
import type { Database } from '../store/database.js';

export interface MismatchWarningParts {
  readonly database: Database;
  readonly embedder: Embedder;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Looks once, when the database is there; without documents the embedder is not asked anything. */
export function warnOfMismatch({ database, embedder, logger }: MismatchWarningParts): void {
  let hasLooked = false;
  const look = async (): Promise<void> => {
    if (!(await hasChunks(database))) return;
    const info = await embedder.describe(new AbortController().signal);
    await requireSameEmbedder(database, info);
  };
  database.onChange(({ state, hasVectors }) => {
    if (hasLooked || state !== 'ready' || !hasVectors) return;
    hasLooked = true;
    look().catch((error: unknown) => {
      const { code, message } = toAppError(error);
      // Anything else is told to whoever asks.
      if (code === 'embedder_mismatch') logger.warn(message);
    });
  });
}
