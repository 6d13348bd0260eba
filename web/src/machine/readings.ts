// What the machine view shows, asked again and again while somebody looks; the figures are kept when nobody does.
import { batch, signal } from '@preact/signals';
import type { Health } from '../../../server/dialects/health.js';
import type { UsageAnswer } from '../../../server/dialects/usage.js';
import { ApiError, ask, describe, send } from '../api/http.js';
import { key } from '../api/key.js';
import { whileVisible } from '../ui/visibility.js';
import { type Figures, MachineHistory } from './history.js';

export const figures = signal<readonly Figures[]>([]);
/** Why there are no newer ones; null while there are. */
export const figuresFault = signal<string | null>(null);
/** Null until they were told. */
export const health = signal<Health | null>(null);
export const usage = signal<UsageAnswer | null>(null);
export const stateFault = signal<string | null>(null);

const FIGURES_MS = 2_000;
const STATE_MS = 5_000;

let history = new MachineHistory();
let askedWith: string | null = null;

/** Keeps all of it up to date until the result is called. */
export function watchMachine(): () => void {
  if (askedWith !== key.value) forget();
  const stops = [whileVisible(readFigures), whileVisible(readState)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Another caller may see other things. */
function forget(): void {
  askedWith = key.value;
  history = new MachineHistory();
  batch(() => {
    figures.value = [];
    figuresFault.value = null;
    health.value = null;
    usage.value = null;
    stateFault.value = null;
  });
}

async function readFigures(signal: AbortSignal): Promise<number | null> {
  try {
    const answer = await send('/metrics', { accept: 'text/plain', signal });
    history.add(await answer.text(), Date.now());
    figures.value = history.figures;
    figuresFault.value = null;
    return FIGURES_MS;
  } catch (error) {
    return failed(error, signal, figuresFault, FIGURES_MS);
  }
}

async function readState(signal: AbortSignal): Promise<number | null> {
  try {
    const [nowHealth, nowUsage] = await Promise.all([
      ask<Health>('/health', { signal }),
      ask<UsageAnswer>('/v1/usage', { signal }),
    ]);
    batch(() => {
      health.value = nowHealth;
      usage.value = nowUsage;
      stateFault.value = null;
    });
    return STATE_MS;
  } catch (error) {
    return failed(error, signal, stateFault, STATE_MS);
  }
}

/** @returns when to ask again; a key that may not does not come to it by asking */
function failed(
  error: unknown,
  signal: AbortSignal,
  fault: { value: string | null },
  intervalMs: number,
): number | null {
  if (signal.aborted) return null;
  const isScope = error instanceof ApiError && error.code === 'missing_scope';
  fault.value = isScope
    ? 'This key lacks the scope “metrics”, so there are no figures to draw. An admin can give it that scope among the keys.'
    : describe(error);
  const isRefused = error instanceof ApiError && (error.status === 401 || error.status === 403);
  if (isRefused) return null;
  return Math.max(intervalMs, error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
}
