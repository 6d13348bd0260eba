import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { requireSameEmbedder } from '../store/chunk-search.js';
import type { Database } from '../store/database.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { scriptedEmbedder } from '../testing/scripted-embedder.js';
import { eachStore, openTempStore, type TempStore } from '../testing/temp-store.js';
import { until } from '../testing/until.js';
import { createIngest } from './ingest.js';
import { warnOfMismatch } from './mismatch-warning.js';
import { reembed } from './reembed.js';
import { createSearchDocuments } from './search.js';

const signal = new AbortController().signal;
const language = 'english';
const chunking = { maxTokens: 16, overlapTokens: 0 };
const OLD = scriptedEmbedder('old', 8);

eachStore('documents of another embedder', kind => {
  let store: TempStore;
  let database: Database;
  beforeAll(async () => {
    store = await openTempStore(kind);
    database = store.database;
  });
  afterAll(() => store.close());
  beforeEach(async ({ skip }) => {
    skip(!database.status().hasVectors, `no pgvector in ${kind}`);
    await database.run(db => db.deleteFrom('documents').execute());
    const ingest = createIngest({ database, embedder: OLD, language, chunking, maxCharacters: 10_000 });
    const texts = Array.from({ length: 5 }, (_, index) => ({
      name: String(index),
      filename: null,
      mediaType: 'text/plain',
      content: `The ${'long '.repeat(20)}document ${index}.`,
      metadata: {},
    }));
    await ingest(texts, signal);
  });

  const run = (embedder = scriptedEmbedder('new', 12), onProgress = (_done: number, _total: number) => {}) =>
    reembed({ database, embedder, language, chunking, onProgress }, signal);

  it('are cut and embedded anew, once', async () => {
    const steps: string[] = [];
    const done = await run(undefined, (number, total) => steps.push(`${number}/${total}`));
    expect(done).toEqual({ embedder: 'new', documents: 5, chunks: 10 });
    expect(steps).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
    await requireSameEmbedder(database, { id: 'new', dimensions: 12 });
    const again = scriptedEmbedder('new', 12);
    expect(await run(again)).toEqual({ embedder: 'new', documents: 0, chunks: 0 });
    expect(again.texts).toEqual([]);
    const search = createSearchDocuments({ database, embedder: again, language });
    const [hit] = await search({ query: 'document 3', mode: 'hybrid', topK: 1, threshold: null }, signal);
    expect(hit?.text).toContain('document 3');
  });

  it('go on where they were broken off, and are refused until all are done', async () => {
    const broken = scriptedEmbedder('new', 12);
    let left = 2;
    const stop = (): void => {
      left -= 1;
      if (left === 0) broken.failure = new Error('the machine went down');
    };
    await expect(run(broken, stop)).rejects.toThrow('the machine went down');
    await expect(requireSameEmbedder(database, { id: 'new', dimensions: 12 })).rejects.toMatchObject({
      code: 'embedder_mismatch',
    });
    expect(await run()).toEqual({ embedder: 'new', documents: 3, chunks: 6 });
    await requireSameEmbedder(database, { id: 'new', dimensions: 12 });
  });

  it('are told of when the database is there, and no other ones', async () => {
    const { logger, entries } = recordingLogger();
    let tell = (_: ReturnType<Database['status']>): void => {};
    const onChange: Database['onChange'] = listener => {
      tell = listener;
      return () => {};
    };
    for (const embedder of [OLD, scriptedEmbedder('new', 12)]) {
      warnOfMismatch({ database: withChanges(database, onChange), embedder, logger });
      tell(database.status());
    }
    await until(() => entries.length > 0);
    expect(entries.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /embedded by old \(8 dimensions\), the embedder is new \(12\): run npm run reembed/,
      ),
    ]);
  });
});

function withChanges(database: Database, onChange: Database['onChange']): Database {
  return {
    run: queries => database.run(queries),
    transaction: queries => database.transaction(queries),
    requireVectors: () => database.requireVectors(),
    status: () => database.status(),
    onChange,
    close: () => database.close(),
  };
}
