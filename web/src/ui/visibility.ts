// Whether anybody can see this page: what is asked again and again is asked only then.

/** Calls it at once and whenever the page is shown or hidden, until the result is called. */
export function onVisibility(listener: (isVisible: boolean) => void): () => void {
  const tell = (): void => listener(document.visibilityState === 'visible');
  document.addEventListener('visibilitychange', tell);
  tell();
  return () => document.removeEventListener('visibilitychange', tell);
}

/**
 * Runs the task again and again while the page is seen, until the result is called; hiding the page and the result abort
 * its signal.
 * @param task resolves with the milliseconds to the next time, null for never again; must not reject
 */
export function whileVisible(task: (signal: AbortSignal) => Promise<number | null>): () => void {
  let leaving = new AbortController();
  let isOver = false;
  const again = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const waitMs = await task(signal);
      if (signal.aborted) return;
      isOver = waitMs === null;
      if (waitMs === null) return;
      await sleep(waitMs, signal);
    }
  };
  const stop = onVisibility(isVisible => {
    leaving.abort();
    if (!isVisible || isOver) return;
    leaving = new AbortController();
    void again(leaving.signal);
  });
  return () => {
    stop();
    leaving.abort();
  };
}

/** Resolves early when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
