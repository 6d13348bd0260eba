// Misspelt settings: a name of ours that is none.
import { SETTINGS } from './config.js';

/** Names that look like ours and are not, each with the nearest real one; a warning, since a newer version may know them. */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter(
      name => !Object.hasOwn(SETTINGS, name) && (name.startsWith('MINIVAULT_') || isSlipOfRateLimit(name)),
    )
    .map(name => `${name} is not a setting; did you mean ${nearest(name).known}?`);
}

/** Other programs have settings of this family, too: only what is a letter or two off is meant for us. */
function isSlipOfRateLimit(name: string): boolean {
  return name.startsWith('RATE_LIMIT_') && nearest(name).distance <= 2;
}

function nearest(name: string): { known: string; distance: number } {
  const distances = Object.keys(SETTINGS).map(known => ({ known, distance: editDistance(name, known) }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best));
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
