// What holds the page up: each task of its main thread, by the browser's own trace. Told as the time that it had a core:
// that is how long it takes where the cores are free, and what a busy machine adds is none of the page's.
import type { Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Thread time in microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

export interface TaskTrace {
  /** Milliseconds of each task since the start. @throws Error when there was none, so that no silent trace passes */
  end(): Promise<readonly number[]>;
}

export async function traceTasks(page: Page): Promise<TaskTrace> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] },
  });
  return {
    end: async () => {
      const completed = new Promise<void>(resolve => {
        session.once('Tracing.tracingComplete', () => resolve());
      });
      await session.send('Tracing.end');
      await completed;
      await session.detach();
      const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
      const mains = new Set(
        events
          .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
          .map(threadOf),
      );
      const tasks = events.filter(
        event => /(?:^|::)RunTask$/.test(event.name) && event.ph === 'X' && mains.has(threadOf(event)),
      );
      if (!tasks.some(({ tdur = 0 }) => tdur > 0)) throw new Error('The trace has no task of the page.');
      return tasks.map(({ tdur = 0 }) => tdur / 1_000);
    },
  };
}
