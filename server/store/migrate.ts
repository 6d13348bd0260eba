// Brings a database's tables up to this program's version. Knows no driver; two that migrate at once wait for each
// other (kysely takes an advisory lock).
import { type Kysely, Migrator } from 'kysely';
import { MIGRATIONS } from './migrations/migrations.js';

/** The database was made by a newer version of this program. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
}

/**
 * Runs what is missing, each migration in a transaction; returns the names of those that ran.
 * @throws NewerSchemaError naming both versions, before anything is touched; the database's error otherwise.
 */
export async function migrate<T>(db: Kysely<T>): Promise<readonly string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
  await refuseNewer(db);
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    // Another gateway may have brought a newer schema between the check and the lock.
    await refuseNewer(db);
    throw error;
  }
  return results.map(({ migrationName }) => migrationName);
}

async function refuseNewer<T>(db: Kysely<T>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === 'kysely_migration')) return;
  const untyped = db as unknown as Kysely<{ kysely_migration: { name: string } }>;
  const rows = await untyped.selectFrom('kysely_migration').select('name').orderBy('name').execute();
  const unknown = rows.findLast(({ name }) => !Object.hasOwn(MIGRATIONS, name));
  if (unknown === undefined) return;
  throw new NewerSchemaError(
    `the database's schema is version ${unknown.name}, this program's is ${Object.keys(MIGRATIONS).at(-1)}: update the program, or name another database`,
  );
}
