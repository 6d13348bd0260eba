// Waiting for a promise, but not for ever.

/** False when the time, counted from the call, is up first; the promise goes on. @throws what the promise rejects with */
export async function settlesWithin(settled: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([settled.then(() => true), elapsed]);
  } finally {
    clearTimeout(timer);
  }
}
