// How far a loading worker is: the last figures for /health, and a console line per stage and tenth. Knows no states.
import type { Logger } from '../log.js';
import type { WorkerStatus } from './worker.js';

type Progress = NonNullable<WorkerStatus['loading']>;

export class LoadingProgress {
  readonly #logger: Logger;
  #current: Progress | null = null;
  #told = '';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get current(): Progress | null {
    return this.#current;
  }

  update({ stage, done, total }: Progress): void {
    this.#current = { stage, done, total };
    const percent = total > 0 ? Math.min(10, Math.floor((done / total) * 10)) * 10 : 0;
    // That a stage has ended, the next one tells.
    if (percent === 100) return;
    const line = `Loading the model: ${stage}${percent === 0 ? '' : `, ${percent} %`}`;
    if (line !== this.#told) this.#logger.info(line);
    this.#told = line;
  }

  /** Loading is over, one way or the other. */
  clear(): void {
    this.#current = null;
    this.#told = '';
  }
}
