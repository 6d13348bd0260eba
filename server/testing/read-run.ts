// Reads a run to its end, as its client would.
import type { GenerationEvent } from '../domain/generation.js';
import { type AppError, toAppError } from '../errors.js';
import type { WorkerRun } from '../worker/worker.js';

export interface ReadRun {
  readonly events: readonly GenerationEvent[];
  readonly text: string;
  readonly batches: number;
  /** What the iterator threw, null when it ended by itself. */
  readonly error: AppError | null;
}

/** @param onBatch called after each batch, with the text so far. */
export async function readRun(run: WorkerRun, onBatch: (text: string) => void = () => {}): Promise<ReadRun> {
  const events: GenerationEvent[] = [];
  let text = '';
  let batches = 0;
  try {
    for await (const batch of run.events) {
      batches += 1;
      events.push(...batch);
      for (const event of batch) if (event.type === 'token') text += event.text;
      onBatch(text);
    }
  } catch (error) {
    return { events, text, batches, error: toAppError(error) };
  }
  return { events, text, batches, error: null };
}
