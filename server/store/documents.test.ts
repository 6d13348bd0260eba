import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { eachStore, openTempStore, type TempStore } from '../testing/temp-store.js';
import { findMatchingChunks, findNearestChunks, requireSameEmbedder } from './chunk-search.js';
import type { Database } from './database.js';
import {
  addDocuments,
  deleteDocument,
  findDocuments,
  listDocuments,
  type NewDocument,
  readDocument,
  replaceChunks,
} from './documents.js';

const EMBEDDER = { id: 'three', dimensions: 3 };
const OPTIONS = { language: 'english', embedder: EMBEDDER };

/** A document with a chunk a sentence, whose vectors are given. */
function sample(content: string, vectors: readonly (readonly number[])[] = [[1, 0, 0]]): NewDocument {
  const sentences = [...content.matchAll(/[^.]+\./g)];
  return {
    id: randomUUID(),
    digest: createHash('sha256').update(content).digest(),
    filename: null,
    mediaType: 'text/plain',
    content,
    metadata: { source: content.slice(0, 5) },
    chunks: vectors.map((vector, index) => {
      const start = sentences[index]?.index ?? 0;
      return {
        start,
        end: start + (sentences[index]?.[0].length ?? content.length),
        vector: Float32Array.from(vector),
      };
    }),
  };
}

const texts = (found: readonly { text: string }[]) => found.map(({ text }) => text.trim());

eachStore('documents', kind => {
  let store: TempStore;
  let database: Database;
  beforeAll(async () => {
    store = await openTempStore(kind);
    database = store.database;
  });
  afterAll(() => store.close());
  beforeEach(async ({ skip, task }) => {
    skip(!database.status().hasVectors && !task.name.startsWith('without'), `no pgvector in ${kind}`);
    await database.run(db => db.deleteFrom('documents').execute());
  });

  it('come back as they were put in', async () => {
    const document = {
      ...sample('A cat. A d😀g.', [
        [1, 0, 0],
        [0, 1, 0],
      ]),
      filename: 'x.txt',
    };
    expect(await addDocuments(database, [document], OPTIONS)).toEqual([{ id: document.id, isNew: true }]);
    expect(await readDocument(database, document.id)).toEqual({
      id: document.id,
      filename: 'x.txt',
      mediaType: 'text/plain',
      metadata: { source: 'A cat' },
      characters: 14,
      chunks: 2,
      content: 'A cat. A d😀g.',
      createdAt: expect.any(Date),
    });
  });

  it('with the same text are one, and the first one stays', async () => {
    const [first, second] = [sample('Same.'), { ...sample('Same.'), metadata: { other: 1 } }];
    await addDocuments(database, [first], OPTIONS);
    const other = sample('Other.');
    expect(await addDocuments(database, [other, second], OPTIONS)).toEqual([
      { id: other.id, isNew: true },
      { id: first.id, isNew: false },
    ]);
    expect((await readDocument(database, first.id)).metadata).toEqual(first.metadata);
    expect(await findDocuments(database, [first.digest])).toEqual(
      new Map([[first.digest.toString('hex'), { id: first.id, chunks: 1 }]]),
    );
  });

  it('with the same text from many at once are one', async () => {
    const added = await Promise.all(
      Array.from({ length: 8 }, () => addDocuments(database, [sample('Race.')], OPTIONS)),
    );
    expect(new Set(added.map(([one]) => one?.id)).size).toBe(1);
    expect(added.filter(([one]) => one?.isNew)).toHaveLength(1);
  });

  it('are added all or not at all', async () => {
    const bad = { ...sample('Bad.'), id: 'no id' };
    await expect(addDocuments(database, [sample('Good.'), bad], OPTIONS)).rejects.toThrow();
    const crooked = sample('Crooked.', [[Number.NaN, 0, 0]]);
    await expect(addDocuments(database, [sample('Good.'), crooked], OPTIONS)).rejects.toThrow();
    expect((await listDocuments(database, { limit: 10, offset: 0 })).total).toBe(0);
    expect(await database.run(db => db.selectFrom('chunk_vectors').selectAll().execute())).toEqual([]);
  });

  it('are listed a page at a time, with how many there are', async () => {
    const documents = Array.from({ length: 5 }, (_, index) => sample(`Number ${index}.`));
    await addDocuments(database, documents, OPTIONS);
    const first = await listDocuments(database, { limit: 3, offset: 0 });
    const rest = await listDocuments(database, { limit: 3, offset: 3 });
    expect([first.total, rest.total]).toEqual([5, 5]);
    const listed = [...first.documents, ...rest.documents].map(({ id }) => id);
    expect(listed).toHaveLength(5);
    expect(new Set(listed)).toEqual(new Set(documents.map(({ id }) => id)));
  });

  it('go with their chunks and vectors, once', async () => {
    const document = sample('Gone.');
    await addDocuments(database, [document], OPTIONS);
    await deleteDocument(database, document.id);
    const left = await database.run(db =>
      Promise.all([
        db.selectFrom('chunks').selectAll().execute(),
        db.selectFrom('chunk_vectors').selectAll().execute(),
      ]),
    );
    expect(left).toEqual([[], []]);
    for (const again of [deleteDocument, readDocument]) {
      await expect(again(database, document.id)).rejects.toMatchObject({
        code: 'document_not_found',
        param: 'id',
      });
    }
  });

  it('are found by meaning, the nearest first', async () => {
    await addDocuments(
      database,
      [
        sample('Far. Near. Between.', [
          [-1, 0, 0],
          [1, 0.1, 0],
          [1, 1, 0],
        ]),
      ],
      OPTIONS,
    );
    const found = await findNearestChunks(database, { vector: Float32Array.of(1, 0, 0), limit: 2 });
    expect(texts(found)).toEqual(['Near.', 'Between.']);
    expect(found[1]?.similarity).toBeCloseTo(Math.SQRT1_2, 5);
    expect(found[0]).toMatchObject({
      position: 1,
      start: 4,
      end: 10,
      metadata: { source: 'Far. ' },
      rank: null,
    });
  });

  it('are found by words in any form, those with all of them first', async () => {
    await addDocuments(
      database,
      [sample('The ferry sails.'), sample('Ferries sailed at dawn.'), sample('A sail.'), sample('A house.')],
      OPTIONS,
    );
    const found = async (query: string, limit = 9) =>
      texts(await findMatchingChunks(database, { query, language: 'english', limit }));
    expect(await found('When do ferries sail at dawn?')).toEqual([
      'Ferries sailed at dawn.',
      'The ferry sails.',
      'A sail.',
    ]);
    expect((await found('"ferry sails"')).sort()).toEqual(['Ferries sailed at dawn.', 'The ferry sails.']);
    expect(await found('sail -dawn', 1)).toHaveLength(1);
    expect(await found('sail -dawn -ferry')).toEqual(['A sail.']);
    expect(await found('house or dawn')).toHaveLength(2);
  });

  it.each(['the of', '""', '"', '-', '', "'; drop table chunks; --", 'a & | ! <-> :*', '\\', '🙂'])(
    'are not found by %j, which is no error',
    async query => {
      await addDocuments(database, [sample('The cat of the house.')], OPTIONS);
      const found = await findMatchingChunks(database, { query, language: 'english', limit: 5 });
      expect(texts(found)).toEqual([]);
    },
  );

  it('tell the similarity of what words find', async () => {
    await addDocuments(database, [sample('Word.', [[0, 1, 0]])], OPTIONS);
    const vector = Float32Array.of(0, 1, 0);
    const [found] = await findMatchingChunks(database, {
      query: 'word',
      language: 'english',
      limit: 5,
      vector,
    });
    expect(found?.similarity).toBeCloseTo(1, 5);
  });

  it('of another embedder are refused, by name and by dimensions', async () => {
    await requireSameEmbedder(database, EMBEDDER);
    await addDocuments(database, [sample('One.')], OPTIONS);
    await requireSameEmbedder(database, EMBEDDER);
    for (const other of [
      { id: 'four', dimensions: 3 },
      { id: 'zwei', dimensions: 3 },
      { id: 'three', dimensions: 4 },
      { id: 'three', dimensions: 2 },
    ]) {
      await expect(requireSameEmbedder(database, other)).rejects.toMatchObject({
        code: 'embedder_mismatch',
        message: expect.stringMatching(/three \(3 dimensions\).*npm run reembed/),
      });
    }
  });

  it('can be given the chunks and vectors of another embedder', async () => {
    const document = sample('One. Two.', [
      [1, 0, 0],
      [0, 1, 0],
    ]);
    await addDocuments(database, [document], OPTIONS);
    const embedder = { id: 'two', dimensions: 2 };
    const whole = { ...document, chunks: [{ start: 0, end: 9, vector: Float32Array.of(1, 0) }] };
    expect(await replaceChunks(database, whole, { language: 'english', embedder })).toBe(true);
    await requireSameEmbedder(database, embedder);
    expect(texts(await findNearestChunks(database, { vector: Float32Array.of(1, 0), limit: 5 }))).toEqual([
      'One. Two.',
    ]);
    const gone = { ...whole, id: randomUUID() };
    expect(await replaceChunks(database, gone, { language: 'english', embedder })).toBe(false);
  });

  it('of more dimensions than HNSW takes are compared one by one', async () => {
    const vector = new Float32Array(3_072).fill(0.5);
    const long = { ...sample('Long.'), chunks: [{ start: 0, end: 5, vector }] };
    await addDocuments(database, [long], {
      language: 'english',
      embedder: { id: 'long', dimensions: 3_072 },
    });
    expect(texts(await findNearestChunks(database, { vector, limit: 5 }))).toEqual(['Long.']);
  });

  it('without pgvector are refused with the remedy', async ({ skip }) => {
    skip(database.status().hasVectors, `pgvector in ${kind}`);
    const vector = Float32Array.of(1, 0, 0);
    for (const refused of [
      () => addDocuments(database, [sample('One.')], OPTIONS),
      () => listDocuments(database, { limit: 1, offset: 0 }),
      () => readDocument(database, randomUUID()),
      () => deleteDocument(database, randomUUID()),
      () => findNearestChunks(database, { vector, limit: 1 }),
      () => findMatchingChunks(database, { query: 'one', language: 'english', limit: 1 }),
      () => requireSameEmbedder(database, EMBEDDER),
    ]) {
      await expect(refused()).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining('pgvector'),
      });
    }
  });
});
