// A database that can be taken away, as a restart of its server does, and made to fail at one of its next calls.
import type { Database, DatabaseStatus } from '../store/database.js';

export interface AwayDatabase extends Database {
  isAway: boolean;
  /** So many calls still succeed before every one fails; null: all do. */
  callsLeft: number | null;
}

export function awayDatabase(database: Database): AwayDatabase {
  const listeners = new Set<(status: DatabaseStatus) => void>();
  let isAway = false;
  let callsLeft: number | null = null;
  const guard = async <T>(run: () => Promise<T>): Promise<T> => {
    if (isAway || callsLeft === 0) throw new Error('connection refused');
    if (callsLeft !== null) callsLeft--;
    return run();
  };
  return {
    ...database,
    run: queries => guard(() => database.run(queries)),
    transaction: queries => guard(() => database.transaction(queries)),
    status: () => ({ ...database.status(), state: isAway ? 'away' : 'ready' }),
    onChange: listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get isAway() {
      return isAway;
    },
    set isAway(value) {
      isAway = value;
      for (const listener of listeners) listener(this.status());
    },
    get callsLeft() {
      return callsLeft;
    },
    set callsLeft(value) {
      callsLeft = value;
    },
  };
}
