// Why something is not there, told in its place, and how it may come after all.
import { ApiError, describe } from '../api/http.js';

export interface FaultProps {
  readonly error: unknown;
  readonly onAgain?: () => void;
}

/** What helps beyond the gateway's own words. */
const REMEDIES: Readonly<Record<string, string>> = {
  missing_scope: 'Sign in with a key that may, or ask who keeps the keys to allow it.',
  storage_unavailable: 'Answers go on without the database meanwhile, and are kept in the log.',
  embedder_mismatch:
    'Stop the gateway, run the command, and start it again: documents and their vectors then fit together.',
};

export function Fault({ error, onAgain }: FaultProps) {
  const remedy = error instanceof ApiError ? REMEDIES[error.code] : undefined;
  return (
    <div class="card in-place" role="alert">
      <p class="fault">{describe(error)}</p>
      {remedy !== undefined && <p class="quiet-text">{remedy}</p>}
      {onAgain !== undefined && (
        <button type="button" class="quiet" onClick={onAgain}>
          Try again
        </button>
      )}
    </div>
  );
}
