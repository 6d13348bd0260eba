// Databases full of exchanges for the search's measurement: made once, used by every run with the same folder or URL.
import pg from 'pg';
import { exchangeRow } from './search-corpus.mjs';

/** Of the built gateway. @param {string} name */
const load = name => import(new URL(`../dist/store/${name}.js`, import.meta.url).href);
/** @type {typeof import('../server/store/embedded-postgres.js')} */
const { embedPostgres } = await load('embedded-postgres');
/** @type {typeof import('../server/store/open-database.js')} */
const { openDatabase } = await load('open-database');

const BATCH = 500;
const POLL_MS = 50;
const silent = /** @type {import('../server/log.js').Logger} */ (
  /** @type {unknown} */ ({ info() {}, warn() {}, error() {}, debug() {}, child: () => silent })
);

/** @typedef {{ url: string | null, folder: string }} Place a PostgreSQL, or without a URL the embedded one in the folder */

/** Makes the tables as the gateway does. @param {Place} place */
async function migrate(place) {
  const database = openDatabase({ ...place, logger: silent });
  while (['opening', 'away'].includes(database.status().state)) {
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  const { state, fault } = database.status();
  await database.close();
  if (state !== 'ready') throw new Error(fault ?? state);
}

/** @param {Place} place @param {(client: pg.Client) => Promise<void>} work */
async function withClient({ url, folder }, work) {
  const embedded = url === null ? embedPostgres(folder) : null;
  const client = new pg.Client((await embedded?.start(() => {})) ?? { connectionString: url ?? '' });
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end();
    await embedded?.close();
  }
}

/**
 * Has so many exchanges when it resolves, and those that earlier runs' streams became. The index of words is made when all rows are in: that
 * takes a third of the time.
 * @param {Place} place @param {number} rows @param {(done: number) => void} onProgress
 */
export async function fillStore(place, rows, onProgress) {
  await migrate(place);
  await withClient(place, async client => {
    const { rows: counted } = await client.query('select count(*)::int as count from exchanges');
    const there = Number(counted[0]?.count);
    if (there >= rows) return;
    const { rows: indexes } = await client.query(
      "select pg_get_indexdef('exchanges_by_words'::regclass) as definition",
    );
    await client.query('set synchronous_commit = off');
    await client.query("set maintenance_work_mem = '512MB'");
    await client.query('drop index exchanges_by_words');
    for (let from = there; from < rows; from += BATCH) {
      await insertRows(client, from, Math.min(rows, from + BATCH));
      onProgress(from);
    }
    await client.query(indexes[0]?.definition);
    await client.query('vacuum analyze exchanges');
  });
}

/** As the log's follower does (server/store/insert-exchanges.ts). @param {pg.Client} client @param {number} from @param {number} to */
async function insertRows(client, from, to) {
  const rows = Array.from({ length: to - from }, (_, index) => exchangeRow(from + index));
  await client.query(
    `insert into exchanges (id, ended_at, status, dialect, caller, model, prompt_tokens, completion_tokens, line, prompt, response, language)
     select id, ended_at, 'completed', 'simple-ndjson', null, 'smollm2-135m-instruct', 50, 200, line, prompt, response, language
     from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::regconfig[])
       as made (id, ended_at, line, prompt, response, language)`,
    [
      rows.map(({ id }) => id),
      rows.map(({ endedAt }) => endedAt),
      rows.map(({ line }) => line),
      rows.map(({ prompt }) => prompt),
      rows.map(({ response }) => response),
      rows.map(({ language }) => language),
    ],
  );
}
