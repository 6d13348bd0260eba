// How much was found and how far was looked, in words. Pure.
import type { SearchAnswer } from '../api/search.js';
import { spellNumber, spellTime } from '../ui/figures.js';

const count = (number: number, one: string, many: string): string =>
  `${spellNumber(number)} ${number === 1 ? one : many}`;

export function spellHistoryTotal(total: number, isFiltered: boolean): string {
  if (total === 0) return isFiltered ? 'No exchange is like that.' : 'Nothing has been asked yet.';
  return `${count(total, 'exchange', 'exchanges')}${isFiltered ? ' like that' : ''}, the newest first`;
}

/** Sentences on what was found, how far was looked, and what cannot be found yet. */
export function spellFound(answer: SearchAnswer): string[] {
  const { total, total_is_exact: isExact, searched_back_to: backTo, embedded, mode } = answer;
  const sentences = [foundWords(total, isExact, mode)];
  if (backTo !== null) {
    sentences.push(`Words were looked for back to ${spellTime(backTo)}; older exchanges were not searched.`);
  }
  if (embedded !== null && embedded.done < embedded.total) {
    sentences.push(
      `${spellNumber(embedded.done)} of ${count(embedded.total, 'exchange', 'exchanges')} can be found by meaning yet; the others follow by themselves.`,
    );
  }
  return sentences;
}

function foundWords(total: number, isExact: boolean, mode: SearchAnswer['mode']): string {
  if (total === 0) return 'Nothing was found.';
  if (isExact) return `${count(total, 'exchange', 'exchanges')} found, the best first.`;
  const which = { text: 'newest', semantic: 'nearest', hybrid: 'best' }[mode];
  return `More than ${count(total, 'exchange', 'exchanges')} match; the ${which} ${spellNumber(total)} are here, the best first.`;
}

/** Why a hit is where it is. */
export function spellPlaces({ text, semantic }: SearchAnswer['items'][number]['places']): string {
  const parts = [
    ...(text === null ? [] : [`place ${text} by words`]),
    ...(semantic === null ? [] : [`place ${semantic} by meaning`]),
  ];
  return parts.join(', ');
}
