// Misspelt settings: a name of ours that is none.
import { SETTINGS } from './config.js';

/** Names that look like ours and are not, each with the nearest real one; a warning, since a newer version may know them. */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter(name => name.startsWith('MINIVAULT_') && !Object.hasOwn(SETTINGS, name))
    .map(name => `${name} is not a setting; did you mean ${nearest(name)}?`);
}

function nearest(name: string): string {
  const distances = Object.keys(SETTINGS).map(known => ({ known, distance: editDistance(name, known) }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best)).known;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
