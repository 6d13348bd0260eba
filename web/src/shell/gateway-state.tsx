// One line on how the gateway is: loading with its progress, how many run and wait, or away.
import { useEffect } from 'preact/hooks';
import { queue, queueFault, watchQueue } from '../api/queue.js';

export function GatewayState() {
  useEffect(watchQueue, []);
  const now = queue.value;
  if (queueFault.value !== null) return <State kind="bad" text="The gateway is away" />;
  if (now === null) return <State kind="busy" text="Connecting…" />;
  const { state, loading, id } = now.model;
  if (loading !== null && state !== 'ready') {
    return (
      <div class="state busy" role="status">
        <span>Loading the model: {loading.stage}</span>
        <progress max={loading.total} value={loading.done} aria-label="Loading the model" />
      </div>
    );
  }
  if (state === 'failed' || state === 'stopped')
    return <State kind="bad" text="The model cannot be served" />;
  if (state !== 'ready')
    return <State kind="busy" text={state === 'unloaded' ? 'Model unloaded' : 'The model starts…'} />;
  const parts = [`${now.running} running`, ...(now.waiting > 0 ? [`${now.waiting} waiting`] : [])];
  return <State kind="good" text={now.running + now.waiting === 0 ? (id ?? 'ready') : parts.join(', ')} />;
}

function State({ kind, text }: { kind: 'good' | 'busy' | 'bad'; text: string }) {
  return (
    <div class={`state ${kind}`} role="status">
      <span class="dot" aria-hidden="true" />
      {text}
    </div>
  );
}
