// What a view has asked the gateway for: on its way, there, or refused. A new question ends the one before.
import { useEffect, useState } from 'preact/hooks';

export interface Asked<T> {
  /** Stays while the next one is asked for; null until the first is there. */
  readonly value: T | null;
  readonly error: unknown;
  readonly isAsking: boolean;
  readonly again: () => void;
}

interface State<T> {
  readonly value: T | null;
  readonly error: unknown;
  readonly isAsking: boolean;
}

/** Asks when `of` changes, which says what is asked for. */
export function useAsked<T>(of: string, load: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, setState] = useState<State<T>>({ value: null, error: null, isAsking: true });
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    setState(before => ({ ...before, isAsking: true }));
    load(leaving.signal).then(
      value => {
        if (!leaving.signal.aborted) setState({ value, error: null, isAsking: false });
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) setState({ value: null, error, isAsking: false });
      },
    );
    return () => leaving.abort();
  }, [of, times]);
  return { ...state, again: () => setTimes(count => count + 1) };
}
