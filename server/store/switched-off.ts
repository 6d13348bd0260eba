// The database that is not there by configuration: whoever asks for it is told so.
import { AppError } from '../errors.js';
import type { Database } from './database.js';

/** `fault` says why, and what would change that. */
export function switchedOff(fault: string): Database {
  const refuse = (): never => {
    throw new AppError('storage_unavailable', fault);
  };
  return {
    run: async () => refuse(),
    transaction: async () => refuse(),
    requireVectors: refuse,
    status: () => ({ state: 'off', kind: null, fault, hasVectors: false }),
    onChange: () => () => {},
    close: async () => {},
  };
}
