// Search by meaning with the packaged embedder: what was asked in other words is found again.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchExchangesAnswerSchema } from './dialects/search.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { numberedExchange, storeExchanges } from './testing/stored-exchanges.js';
import { until } from './testing/until.js';

const LOAD_TIMEOUT_MS = 90_000;
const KEPT = [
  ['How do I make a sourdough starter?', 'Mix flour and water and feed it every day for a week.'],
  ['My laptop battery drains too fast', 'Lower the brightness, and see which programs use most power.'],
  ['What is the capital of Peru?', 'Lima is the capital of Peru.'],
  ['Write a haiku about autumn', 'Leaves drift to the ground.'],
  ['Why was my flight cancelled?', 'Airlines cancel for weather, crew and technical reasons.'],
];

let app: StartedApp;
beforeAll(async () => {
  app = await startApp({
    vault: true,
    env: {
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_DATA_DIR: path.resolve(import.meta.dirname, '../data'),
    },
  });
  await storeExchanges(
    app.parts.vault.database,
    KEPT.map(([prompt = '', response = ''], number) => numberedExchange(number + 1, { prompt, response })),
    'english',
  );
  await until(() => app.parts.worker.status().state === 'ready', LOAD_TIMEOUT_MS);
}, 2 * LOAD_TIMEOUT_MS);
afterAll(() => app.close());

async function find(query: string, mode: string) {
  const answer = await fetch(`${app.url}/search?${new URLSearchParams({ query, mode })}`);
  return searchExchangesAnswerSchema.parse(await answer.json());
}

describe('search by meaning', () => {
  it(
    'finds what no word of the query is in, best first; so does hybrid, and text does not',
    async () => {
      await until(async () => (await find('x', 'semantic')).embedded?.done === KEPT.length, LOAD_TIMEOUT_MS);
      for (const [query, prompt] of [
        ['notebook runs out of power quickly', 'laptop'],
        ['leaven for bread', 'sourdough'],
        ['airline did not take off', 'flight'],
      ] as const) {
        const semantic = await find(query, 'semantic');
        const hybrid = await find(query, 'hybrid');
        expect((await find(query, 'text')).total).toBe(0);
        for (const { items } of [semantic, hybrid]) expect(items[0]?.highlights.prompt).toContain(prompt);
        expect(semantic.items[0]?.score).toBeGreaterThan((semantic.items[1]?.score ?? 0) + 0.1);
      }
      const [best] = (await find('capital of Peru', 'hybrid')).items;
      expect(best?.places).toEqual({ text: 1, semantic: 1 });
    },
    2 * LOAD_TIMEOUT_MS,
  );
});
