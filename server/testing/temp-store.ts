// A database of its own for a test: migrated, empty, dropped at the end.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { silentLogger } from '../log.js';
import type { Database } from '../store/database.js';
import { openDatabase } from '../store/open-database.js';
import { until } from './until.js';

export interface TempStore {
  readonly database: Database;
  readonly url: string;
  close(): Promise<void>;
}

const SERVER = 'postgresql://postgres@127.0.0.1:5432';

export async function openTempStore(): Promise<TempStore> {
  const name = `minivault_${randomUUID().replaceAll('-', '')}`;
  await asOwner(`create database ${name}`);
  const url = `${SERVER}/${name}`;
  const database = openDatabase({ url, folder: '', logger: silentLogger() });
  await until(() => database.status().state === 'ready');
  return {
    database,
    url,
    close: async () => {
      await database.close();
      await asOwner(`drop database ${name} with (force)`);
    },
  };
}

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${SERVER}/postgres` });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
