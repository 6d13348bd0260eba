import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTempStore, type TempStore } from '../testing/temp-store.js';

describe('a migrated database', () => {
  let store: TempStore;
  beforeAll(async () => {
    store = await openTempStore();
  });
  afterAll(() => store.close());

  it('has the tables of history and documents, empty', async () => {
    const count = await store.database.run(db =>
      db.selectFrom('exchanges').select(sql<string>`count(*)`.as('n')).executeTakeFirstOrThrow(),
    );
    expect(count).toEqual({ n: '0' });
    expect(await store.database.run(db => db.selectFrom('chunks').selectAll().execute())).toEqual([]);
  });
});
