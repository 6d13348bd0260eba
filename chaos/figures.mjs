// Figures of a scenario out of many measurements.
import { quantile } from '../bench/statistics.mjs';

/** @param {readonly number[]} valuesMs @returns {string} with its unit; a dash where nothing was measured */
export function spellMs(valuesMs, /** @type {number} */ share) {
  const value = share === 1 ? Math.max(...valuesMs) : (quantile([...valuesMs], share) ?? Number.NaN);
  return Number.isFinite(value) ? `${Math.round(value).toLocaleString('en')} ms` : '–';
}
