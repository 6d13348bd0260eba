// Every migration, in order: an append-only list. One that has been released is never changed.
import type { Migration } from 'kysely';
import * as exchanges from './001-exchanges.js';
import * as documents from './002-documents.js';
import * as exchangeCounts from './003-exchange-counts.js';
import * as chats from './004-chats.js';

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-exchanges': exchanges,
  '002-documents': documents,
  '003-exchange-counts': exchangeCounts,
  '004-chats': chats,
};
