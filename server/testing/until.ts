// Waiting for a condition instead of for luck.

/** Polls every 5 ms. @throws Error when it does not hold in time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`Not true within ${timeoutMs} ms: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
