// How well documents are found: the questions of questions.json asked of a gateway that holds documents.json.
import { readFileSync } from 'node:fs';

/** @typedef {'text' | 'semantic' | 'hybrid'} Mode */
/** @typedef {'plain' | 'meaning' | 'exact'} Kind */
/** @typedef {{kind: Kind, question: string, answer: string}} Question */
/** @typedef {{recallAt5: number, mrr: number, byKind: Record<Kind, number>, missed: string[]}} Measured */

/** @type {readonly Mode[]} */
export const MODES = ['text', 'semantic', 'hybrid'];
/** @type {readonly Kind[]} */
export const KINDS = ['plain', 'meaning', 'exact'];
/** Stretches asked for: enough for five documents, whatever they are cut into. */
const TOP_K = 20;
const PLACES = 5;

/** @param {string} name */
const read = name => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
/** @type {readonly {id: string, text: string}[]} */
export const documents = read('./documents.json');
/** @type {readonly Question[]} */
export const questions = read('./questions.json');

/**
 * Adds the documents and asks all questions in each mode. `recallAt5`: share of questions whose document is among the
 * first five; `mrr`: mean of 1 / its place.
 * @param {string} url of a gateway with the real embedder
 * @returns {Promise<Record<Mode, Measured>>}
 */
export async function measureRetrieval(url) {
  const names = await addDocuments(url);
  const measured = /** @type {Record<Mode, Measured>} */ ({});
  for (const mode of MODES) {
    /** @type {(Question & {place: number | null})[]} */
    const asked = [];
    for (const question of questions) {
      const found = await search(url, question.question, mode);
      const order = [...new Set(found.map(id => names.get(id)))];
      const place = order.indexOf(question.answer) + 1;
      asked.push({ ...question, place: place === 0 ? null : place });
    }
    measured[mode] = summarize(asked);
  }
  return measured;
}

/** @param {readonly (Question & {place: number | null})[]} asked @returns {Measured} */
function summarize(asked) {
  const recall = (/** @type {typeof asked} */ some) =>
    some.filter(({ place }) => place !== null && place <= PLACES).length / some.length;
  const mrr = asked.reduce((sum, { place }) => sum + (place === null ? 0 : 1 / place), 0) / asked.length;
  const byKind = /** @type {Record<Kind, number>} */ ({});
  for (const kind of KINDS) byKind[kind] = recall(asked.filter(question => question.kind === kind));
  const missed = asked.filter(({ place }) => place === null || place > PLACES);
  return { recallAt5: recall(asked), mrr, byKind, missed: missed.map(({ question }) => question) };
}

/** @param {string} url @returns {Promise<Map<string, string>>} id to name */
async function addDocuments(url) {
  const { ids } = await fetchJson(`${url}/api/v1/documents/add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ documents: documents.map(({ text }) => text) }),
  });
  return new Map(documents.map(({ id }, index) => [ids[index], id]));
}

/** @param {string} url @param {string} question @param {Mode} mode @returns {Promise<string[]>} */
async function search(url, question, mode) {
  const query = new URLSearchParams({ query: question, mode, top_k: String(TOP_K) });
  const { results } = await fetchJson(`${url}/api/v1/documents/search?${query}`);
  return results.map((/** @type {{document_id: string}} */ { document_id }) => document_id);
}

/** @param {string} url @param {RequestInit} [init] @returns {Promise<any>} */
async function fetchJson(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
