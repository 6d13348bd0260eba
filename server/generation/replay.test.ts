import { describe, expect, it } from 'vitest';
import type { BackendStatus } from '../backend/backend.js';
import type { Exchange } from '../domain/exchange.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { scriptedGenerate } from '../testing/scripted-generate.js';
import { until } from '../testing/until.js';
import { type Replay, replay } from './replay.js';

const MODEL = { id: 'one', digest: 'sha256:01' };
const original = (fields: Partial<Exchange> = {}): Exchange =>
  sampleExchange({ response: 'blue sky', model: MODEL, engine: 'batched', numerics: 'int8', ...fields });

interface Play {
  readonly exchange?: Exchange;
  readonly answer?: string;
  readonly isForced?: boolean;
  readonly digest?: string;
}

async function play({
  exchange = original(),
  answer = 'blue sky',
  isForced = false,
  digest = MODEL.digest,
}: Play) {
  const { generate, runs } = scriptedGenerate();
  const status = { model: { id: 'one', digest }, engine: 'batched' } as BackendStatus;
  const parts = { generate, worker: { status: () => status }, residency: { ready: async () => {} } };
  const options = { id: 'new', context: { dialect: 'replay', requestId: 'r', caller: null }, isForced };
  const replayed: Promise<Replay> = replay(parts, exchange, options, new AbortController().signal);
  replayed.catch(() => {});
  await Promise.race([until(() => runs.length > 0), replayed]);
  runs[0]?.write(answer);
  runs[0]?.end();
  return { ...(await replayed), request: runs[0]?.request };
}

describe('a replay', () => {
  it('asks with the same input, parameters and seed', async () => {
    const { request } = await play({});
    expect(request).toEqual({
      id: 'new',
      input: { messages: [{ role: 'user', content: 'Why is the sky blue?' }] },
      sampling: original().parameters,
    });
  });

  it.each([
    {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ] as const,
    },
    {
      messages: [{ role: 'user', content: 'x' }] as const,
      tools: [{ name: 'look', parameters: {} }],
      contextIds: [1, 2],
    },
    { prompt: 'Once upon', contextIds: [7] },
    { tokenIds: [1, 2, 3] },
  ])('gives the model all that it was given: %j', async input => {
    expect((await play({ exchange: original({ input }) })).request?.input).toEqual(input);
  });

  it('that says the same is equal', async () => {
    expect(await play({})).toMatchObject({
      isEqual: true,
      firstDifference: null,
      changes: null,
      otherConditions: [],
    });
  });

  it('that says something else tells where', async () => {
    expect(await play({ answer: 'blue sea' })).toMatchObject({
      isEqual: false,
      firstDifference: { offset: 6, original: 'ky', replay: 'ea' },
      changes: [
        { type: 'same', text: 'blue ' },
        { type: 'removed', text: 'sky' },
        { type: 'added', text: 'sea' },
      ],
    });
  });

  it('of an answer that was cut is compared as far as that went', async () => {
    const exchange = original({ status: 'cancelled', reason: 'cancelled', numerics: null });
    expect(await play({ exchange, answer: 'blue sky and sea' })).toMatchObject({
      isEqual: true,
      isOriginalCut: true,
      otherConditions: [],
    });
    expect(await play({ exchange, answer: 'blue s' })).toMatchObject({ isEqual: false });
    expect(await play({ answer: 'blue sky and sea' })).toMatchObject({
      isEqual: false,
      isOriginalCut: false,
    });
  });

  it('by another model is refused with both digests, unless it is forced', async () => {
    await expect(play({ digest: 'sha256:02' })).rejects.toMatchObject({
      code: 'model_changed',
      message: expect.stringMatching(/sha256:01.*sha256:02/),
    });
    expect(await play({ digest: 'sha256:02', isForced: true })).toMatchObject({
      isEqual: true,
      otherConditions: [{ name: 'model', original: 'sha256:01', replay: 'sha256:02' }],
    });
  });

  it('tells of another engine and of other numerics', async () => {
    const exchange = original({ engine: 'streamer', numerics: 'bfloat16' });
    expect((await play({ exchange })).otherConditions).toEqual([
      { name: 'engine', original: 'streamer', replay: 'batched' },
      { name: 'numerics', original: 'bfloat16', replay: 'int8' },
    ]);
  });
});
