// How far the model is loaded.
import type { GatewayWords } from './gateway-words.js';

export function LoadingBar({ progress }: { progress: NonNullable<GatewayWords['progress']> }) {
  const { done, total } = progress;
  // Without a value it moves to and fro.
  const known = total > 0 ? { max: total, value: Math.min(done, total) } : {};
  return <progress {...known} aria-label="Loading the model" />;
}
