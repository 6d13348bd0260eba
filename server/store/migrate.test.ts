// Migrations as several gateways run them at once.
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../log.js';
import { eachServer, eachStore, makeStore, openTempStore } from '../testing/temp-store.js';
import { until } from '../testing/until.js';
import { MIGRATIONS } from './migrations/migrations.js';
import { openDatabase } from './open-database.js';

const ROUNDS = 3;
const GATEWAYS = 5;

eachStore('a migrated database', kind => {
  it('has the tables of history and documents, empty', async () => {
    const { database, close } = await openTempStore(kind);
    onTestFinished(close);
    const count = await database.run(db =>
      db.selectFrom('exchanges').select(sql<string>`count(*)`.as('n')).executeTakeFirstOrThrow(),
    );
    expect(count).toEqual({ n: '0' });
    expect(await database.run(db => db.selectFrom('chunks').selectAll().execute())).toEqual([]);
  });
});

eachServer('a new database', kind => {
  it(`is migrated once by ${GATEWAYS} that open it at once`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const place = await makeStore(kind);
      const databases = Array.from({ length: GATEWAYS }, () =>
        openDatabase({ ...place, logger: silentLogger() }),
      );
      const faults: (string | null)[] = [];
      for (const database of databases)
        database.onChange(({ fault }) => fault !== null && faults.push(fault));
      await until(() => databases.every(database => database.status().state === 'ready'), 30_000);
      expect(faults).toEqual([]);
      const names = await databases[0]?.run(db =>
        sql<{ name: string }>`select name from kysely_migration order by name`.execute(db),
      );
      expect(names?.rows.map(({ name }) => name)).toEqual(Object.keys(MIGRATIONS));
      await Promise.all(databases.map(database => database.close()));
      await place.remove();
    }
  });
});
