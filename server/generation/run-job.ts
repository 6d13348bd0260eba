// A submitted job from its place in the line to its end, written to its log. Knows no client.
import type { GenerationEvent } from '../domain/generation.js';
import type { JobEvent } from '../domain/job.js';
import type { ErrorRecorder } from '../domain/recorder.js';
import { toAppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { JobLog } from './job-log.js';

export type Loading = Omit<Extract<JobEvent, { readonly type: 'loading' }>, 'type'>;

export interface JobRun {
  readonly log: JobLog;
  readonly events: AsyncIterator<readonly GenerationEvent[]>;
  /** What has been taken from `events` already. */
  readonly first: IteratorResult<readonly GenerationEvent[]>;
  readonly requestId: string;
  /** How far the model is; null once it is there. */
  readonly loading: () => Loading | null;
  readonly logger: Logger;
  readonly recorder: ErrorRecorder;
  /** Called when the log has grown. */
  readonly onChange: () => void;
}

/** Resolves when the log has its last event, however the job ended. */
export async function runJob(run: JobRun): Promise<void> {
  const { log, events, onChange } = run;
  try {
    for (let next = run.first; next.done !== true; next = await events.next()) {
      for (const event of next.value) append(run, event);
      onChange();
    }
  } catch (thrown) {
    const { code, message, cause } = toAppError(thrown);
    if (code === 'internal') run.logger.error('job failed', { error: String(cause) });
    if (code !== 'cancelled') run.recorder.error(code);
    log.append({ type: 'error', error: { code, message, requestId: run.requestId } });
    onChange();
  }
}

function append({ log, loading }: JobRun, event: GenerationEvent): void {
  if (event.type === 'tool_call') return;
  log.append(event.type === 'token' ? { type: 'token', text: event.text } : event);
  const progress = event.type === 'queued' ? loading() : null;
  if (progress !== null) log.append({ type: 'loading', ...progress });
}
