// Documents with a chunk that has no vector of the embedder there is now.
import { type RawBuilder, sql } from 'kysely';
import type { Database } from './database.js';
import type { StoredEmbedder } from './documents.js';

/** @throws AppError storage_unavailable */
export async function countOutdated(database: Database, embedder: StoredEmbedder): Promise<number> {
  const { rows } = await database.run(db =>
    sql<{ count: string }>`select count(*) from documents d where ${isOutdated(embedder)}`.execute(db),
  );
  return Number(rows[0]?.count ?? 0);
}

/** Ids in their order, from the one after `after` on. @throws AppError storage_unavailable */
export async function findOutdated(
  database: Database,
  embedder: StoredEmbedder,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<readonly string[]> {
  const further = after === null ? sql`true` : sql`d.id > ${after}`;
  const { rows } = await database.run(db =>
    sql<{ id: string }>`
      select d.id from documents d where ${further} and ${isOutdated(embedder)} order by d.id limit ${limit}`.execute(
      db,
    ),
  );
  return rows.map(({ id }) => id);
}

/** Of a row `d` of documents. */
function isOutdated({ id, dimensions }: StoredEmbedder): RawBuilder<boolean> {
  return sql<boolean>`exists (
    select from chunks c left join chunk_vectors v using (document_id, position)
    where c.document_id = d.id
      and (v.embedder is distinct from ${id} or v.dimensions is distinct from ${dimensions})
  )`;
}
