// What is looked at of the documents, as it stands in the address. Pure.
import type { Passages } from '../api/documents.js';

export interface DocumentsQuery {
  /** A question to try; empty for none. */
  readonly query: string;
  readonly mode: Passages['mode'];
  readonly count: number;
  /** Of the list, from 1. */
  readonly page: number;
}

export const DOCUMENTS_A_PAGE = 20;
export const MAX_PASSAGES = 100;
export const START: DocumentsQuery = { query: '', mode: 'hybrid', count: 10, page: 1 };
const MODES: readonly Passages['mode'][] = ['hybrid', 'semantic', 'text'];

function wholeNumber(text: string | null, max: number, otherwise: number): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 && number <= max ? number : otherwise;
}

/** What is no sense in an address is left out. */
export function parseDocumentsQuery(search: string): DocumentsQuery {
  const given = new URLSearchParams(search);
  return {
    query: given.get('query') ?? '',
    mode: MODES.find(mode => mode === given.get('mode')) ?? START.mode,
    count: wholeNumber(given.get('count'), MAX_PASSAGES, START.count),
    page: wholeNumber(given.get('page'), Number.MAX_SAFE_INTEGER, START.page),
  };
}

/** Its address: only what differs from the start. */
export function toDocumentsAddress(query: DocumentsQuery): string {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== START[name as keyof DocumentsQuery]) told.set(name, String(value));
  }
  return told.size === 0 ? '/documents' : `/documents?${told}`;
}
