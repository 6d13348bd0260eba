// One line on how the gateway is: loading with its progress, how many run and wait, or away.
import { useEffect } from 'preact/hooks';
import { queue, queueFault, watchQueue } from '../api/queue.js';
import { describeGateway } from './gateway-words.js';
import { LoadingBar } from './loading-bar.js';

export function GatewayState() {
  useEffect(watchQueue, []);
  const { kind, text, spoken, progress } = describeGateway(queue.value, queueFault.value);
  return (
    <div class={`state ${kind}`}>
      <span class="dot" aria-hidden="true" />
      <span>{text}</span>
      {progress !== null && <LoadingBar progress={progress} />}
      <span class="visually-hidden" role="status">
        {spoken}
      </span>
    </div>
  );
}
