// The error that a test waits for from what must not be accepted.
import { type AppError, toAppError } from '../errors.js';

/** What `read` throws when it is asked this. @throws Error when it throws nothing */
export function refusalOf<Asked extends unknown[]>(
  read: (...asked: Asked) => unknown,
  ...asked: Asked
): AppError {
  try {
    read(...asked);
  } catch (error) {
    return toAppError(error);
  }
  throw new Error(`${JSON.stringify(asked)} was accepted`);
}
