// A generation as the frames of a format, each batch as it comes; what goes wrong after the first becomes frames, too.
import type { GenerationEvent, GenerationEvents } from '../domain/generation.js';
import { AppError, toAppError } from '../errors.js';
import type { Frame } from './frame-log.js';

/** What a format makes of a generation. */
export interface FrameFold {
  readonly isEnded: boolean;
  begin(): Frame[];
  push(event: GenerationEvent): Frame[];
  /** Empty when it has ended already. */
  fail(error: AppError): Frame[];
}

/**
 * The fold has ended when this has, also when its reader stops.
 * @throws what the generation throws before its first event
 */
export async function* foldFrames(
  events: GenerationEvents,
  fold: FrameFold,
): AsyncGenerator<readonly Frame[]> {
  let hasBegun = false;
  try {
    for await (const batch of events) {
      const begun = hasBegun ? [] : fold.begin();
      hasBegun = true;
      const frames = [...begun, ...batch.flatMap(event => fold.push(event))];
      if (frames.length > 0) yield frames;
    }
  } catch (error) {
    if (!hasBegun) throw error;
    yield fold.fail(toAppError(error));
  } finally {
    fold.fail(new AppError('cancelled', 'The client left.'));
  }
}

/** Resolves when the first item has come. @throws what the source throws instead of one */
export async function begin<Item>(source: AsyncGenerator<Item>): Promise<AsyncGenerator<Item>> {
  const first = await source.next();
  return (async function* () {
    try {
      if (first.done !== true) {
        yield first.value;
        yield* source;
      }
    } finally {
      await source.return(undefined);
    }
  })();
}
