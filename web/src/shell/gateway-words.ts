// How the gateway is, in a few words, from what it tells of itself. Knows no element.
import type { UserHealth } from '../../../server/dialects/health.js';
import type { ApiError } from '../api/http.js';
import type { Queue } from '../api/queue.js';

type WorkerState = UserHealth['worker']['state'];

export interface GatewayWords {
  readonly kind: 'good' | 'busy' | 'idle' | 'bad';
  readonly text: string;
  /** Said to who cannot see it, when it changes: without figures, which change all the time. */
  readonly spoken: string;
  /** Of loading; `total` 0 where that is not known. */
  readonly progress: { readonly done: number; readonly total: number } | null;
}

const LOADING: Readonly<Record<WorkerState, string>> = {
  starting: 'Loading the model',
  restarting: 'Loading the model again',
  failed: 'Trying to load the model again',
  unloaded: 'Loading the model',
  stopped: 'Loading the model',
  ready: 'Loading the model',
};

const AWAY: ReadonlySet<string> = new Set(['unreachable', 'connection_lost']);

/** @param fault why it does not tell now; null while it does */
export function describeGateway(
  queue: Queue | null,
  fault: Pick<ApiError, 'code' | 'message'> | null,
): GatewayWords {
  if (fault !== null) return say('bad', AWAY.has(fault.code) ? 'The gateway is away' : fault.message);
  if (queue === null) return say('busy', 'Connecting…');
  return describeModel(queue);
}

function describeModel(queue: Queue): GatewayWords {
  const { id, loading } = queue.model;
  const state = queue.model.state as WorkerState;
  if (loading !== null && state !== 'ready') {
    const { stage, done, total } = loading;
    return {
      ...say('busy', `${LOADING[state]}: ${stage}`),
      spoken: LOADING[state],
      progress: { done, total },
    };
  }
  switch (state) {
    case 'ready':
      return { ...say('good', countsOf(queue) ?? id ?? 'Ready'), spoken: 'The model is ready' };
    case 'starting':
      return say('busy', 'The model starts…');
    case 'restarting':
      // One that took too much memory first ends what it has.
      return say('busy', queue.running > 0 ? 'The model restarts after what runs' : 'The model restarts…');
    case 'unloaded':
      return say('idle', 'Model unloaded; a prompt loads it');
    case 'failed':
      return say('bad', 'The model cannot be served');
    case 'stopped':
      return say('bad', 'The gateway is stopping');
  }
}

function countsOf({ running, waiting }: Queue): string | null {
  if (running + waiting === 0) return null;
  return waiting === 0 ? `${running} running` : `${running} running, ${waiting} waiting`;
}

function say(kind: GatewayWords['kind'], text: string): GatewayWords {
  return { kind, text, spoken: text, progress: null };
}
