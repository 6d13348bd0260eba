// What an aborted signal means for a run: a cancel, or the failure that is its reason. Knows no run.
import { AppError } from '../errors.js';

/** Null for a cancel. */
export function toFailure(reason: unknown): AppError | null {
  return reason instanceof AppError && reason.code !== 'cancelled' ? reason : null;
}
