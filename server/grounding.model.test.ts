// The real model over stored documents: what only they hold is in its answers, and the answers tell from which.
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readStream } from './testing/read-stream.js';
import { type StartedApp, startApp } from './testing/start-app.js';
import { until } from './testing/until.js';

/** Made up, so that no model knows them: a document, a question, and what its answer must have. */
const FACTS: readonly (readonly [document: string, question: string, answer: string])[] = [
  [
    'Orbasan is a small company in Brindle Bay which makes bicycle bells. It has 47 employees and was founded by Ilse Marrow.',
    'How many employees does the company Orbasan have?',
    '47',
  ],
  [
    'The Veldmark library was opened in 1911. Its front door is painted teal, and the reading room faces the river.',
    'What is the colour of the door of the Veldmark library?',
    'teal',
  ],
  [
    'Quillmoor is an island of 300 people. Its flag shows a white otter on a blue field, in memory of the great flood of 1822.',
    'Which animal is on the flag of Quillmoor?',
    'otter',
  ],
  [
    'Velbrot is a dark bread with caraway. The dough rests for nine hours and is then baked at 230 degrees for 50 minutes.',
    'At what temperature is Velbrot baked?',
    '230',
  ],
  [
    'The bridge of Halden Ford was built of larch wood. It collapsed in 1964 under the weight of a timber lorry.',
    'When did the bridge of Halden Ford collapse?',
    '1964',
  ],
  [
    'The Hotel Corvin has 22 rooms, all with a view of the lake. A night costs 85 crowns, breakfast included.',
    'How much does a night in the Hotel Corvin cost?',
    '85',
  ],
  [
    'The Salt Ledger is a novel about three sisters in a mining town. It was written by Petra Lindqvist.',
    'Who wrote the novel The Salt Ledger?',
    'Petra Lindqvist',
  ],
  [
    'The Alder committee meets on the first Monday of each month in room B 114. Minutes are kept by the secretary.',
    'Which room is used for the meetings of the Alder committee?',
    'B 114',
  ],
];

let app: StartedApp;
beforeAll(async () => {
  const data = path.resolve(import.meta.dirname, '..', 'data');
  app = await startApp({ vault: true, env: { MINIVAULT_ENGINE: 'batched', MINIVAULT_DATA_DIR: data } });
  await until(() => app.parts.worker.status().state === 'ready', 60_000);
  const body = { documents: FACTS.map(([document]) => document) };
  const { status, text } = await readStream(`${app.url}/api/v1/documents/add`, { body });
  expect([status, text]).toEqual([200, expect.any(String)]);
}, 120_000);
afterAll(() => app?.close());

const ask = async (content: string, more: object = {}) =>
  JSON.parse(
    (
      await readStream(`${app.url}/api/v1/chat`, {
        body: {
          messages: [{ role: 'user', content }],
          stream: false,
          temperature: 0,
          max_tokens: 80,
          ...more,
        },
      })
    ).text,
  );

it('answers from them most of what it cannot know, and names the one that it rests on', async () => {
  const documents = { threshold: 0.5 };
  const answers = await Promise.all(FACTS.map(([, question]) => ask(question, { documents })));
  const blind = await Promise.all(FACTS.map(([, question]) => ask(question, { documents: false })));
  const right = (all: readonly { content: string }[]): number =>
    all.filter(({ content }, at) => content.includes(FACTS[at]?.[2] ?? '')).length;
  expect(answers.map(({ sources }) => sources[0]?.text)).toEqual(FACTS.map(([document]) => document));
  expect(right(answers), answers.map(({ content }) => content).join('\n')).toBeGreaterThanOrEqual(6);
  expect(right(blind), blind.map(({ content }) => content).join('\n')).toBeLessThanOrEqual(1);
});

it('says that no document is near a question about something else, and answers it', async () => {
  const { sources, grounding, content } = await ask('Why is the sky blue?');
  expect([sources, content.length > 0]).toEqual([[], true]);
  expect(grounding.notice).toMatch(/^No document above 0\.7: the nearest passage has 0\.\d\d\.$/);
});
