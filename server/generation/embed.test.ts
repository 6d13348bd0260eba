import { expect, it } from 'vitest';
import type { Embedding } from '../domain/embedding.js';
import { until } from '../testing/until.js';
import { Admission } from './admission.js';
import { createDeferred } from './deferred.js';
import { createEmbed } from './embed.js';

it('lets callers take turns with their texts, as with their prompts', async () => {
  const admission = new Admission({ maxWaiting: 10, waitTimeoutMs: 60_000 });
  const asked: string[] = [];
  const gates: ReturnType<typeof createDeferred<void>>[] = [];
  const embed = createEmbed({
    admission,
    recorder: { embedded: () => {} },
    worker: {
      load: () => {},
      status: () => ({ state: 'ready', fault: null, embedder: null }),
      embed: async ([text]): Promise<readonly Embedding[]> => {
        asked.push(String(text));
        const gate = createDeferred<void>();
        gates.push(gate);
        await gate.promise;
        return [];
      },
    },
  });
  admission.open(1);
  const { signal } = new AbortController();
  const all = ['a1', 'a2', 'a3', 'b1'].map(text =>
    embed({ inputs: [text], truncate: true, share: text.charAt(0) }, signal),
  );
  for (let i = 0; i < all.length; i++) {
    await until(() => gates.length > i);
    gates[i]?.resolve();
  }
  await Promise.all(all);
  expect(asked).toEqual(['a1', 'a2', 'b1', 'a3']);
  await until(() => admission.isQuiet);
});
