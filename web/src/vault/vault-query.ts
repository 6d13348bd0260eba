// What is looked for in the vault, as it stands in the address and as the gateway is asked. Pure.
import type { HistoryFilters } from '../api/history.js';
import type { SearchMode } from '../api/search.js';

/** Days are the reader's own, both included. */
export interface VaultQuery {
  readonly query: string;
  readonly mode: SearchMode;
  readonly status: string;
  readonly model: string;
  readonly dialect: string;
  readonly caller: string;
  readonly from: string;
  readonly to: string;
  /** A moment that it ended before: where a search that did not reach all goes on. */
  readonly before: string;
  /** Where a page of the history begins; empty for the newest. */
  readonly cursor: string;
  /** Of what was found, from 1. */
  readonly page: number;
}

export const HITS_A_PAGE = 20;
const MODES: readonly SearchMode[] = ['text', 'semantic', 'hybrid'];

export const EVERYTHING: VaultQuery = {
  query: '',
  mode: 'text',
  status: '',
  model: '',
  dialect: '',
  caller: '',
  from: '',
  to: '',
  before: '',
  cursor: '',
  page: 1,
};

const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00`));

/** What is no sense in an address is left out. */
export function parseVaultQuery(search: string): VaultQuery {
  const given = new URLSearchParams(search);
  const of = (name: keyof VaultQuery): string => given.get(name) ?? '';
  const day = (name: 'from' | 'to'): string => (isDay(of(name)) ? of(name) : '');
  const page = Number(of('page'));
  return {
    query: of('query'),
    mode: MODES.find(mode => mode === of('mode')) ?? EVERYTHING.mode,
    status: of('status'),
    model: of('model'),
    dialect: of('dialect'),
    caller: of('caller'),
    from: day('from'),
    to: day('to'),
    before: Number.isNaN(Date.parse(of('before'))) ? '' : of('before'),
    cursor: of('cursor'),
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** Its address: only what differs from asking for everything. */
export function toAddress(query: VaultQuery): string {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== EVERYTHING[name as keyof VaultQuery]) told.set(name, String(value));
  }
  return told.size === 0 ? '/vault' : `/vault?${told}`;
}

/** Whether words are looked for; else the history is listed. */
export function isSearch({ query }: VaultQuery): boolean {
  return query.trim() !== '';
}

export function hasFilters(query: VaultQuery): boolean {
  return Object.values(toFilters(query)).some(value => value !== '');
}

/** Midnight here, that many days after the day. */
function midnight(day: string, daysLater: number): Date {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + daysLater);
  return date;
}

export function toFilters({ status, model, dialect, caller, from, to, before }: VaultQuery): HistoryFilters {
  const ends = [
    ...(to === '' ? [] : [midnight(to, 1)]),
    ...(before === '' ? [] : [new Date(before)]),
  ].toSorted((one, other) => one.getTime() - other.getTime());
  return {
    status,
    model,
    dialect,
    caller,
    since: from === '' ? '' : midnight(from, 0).toISOString(),
    until: ends[0]?.toISOString() ?? '',
  };
}
