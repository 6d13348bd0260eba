// Puts a generated text between the README's markers `<!-- name -->` and `<!-- /name -->`.
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * @param {string} file @param {string} name @param {string} text
 * @throws {Error} when the README lost its markers
 */
export function writeSection(file, name, text) {
  const readme = readFileSync(file, 'utf8');
  const open = `<!-- ${name} -->`;
  const close = `<!-- /${name} -->`;
  const start = readme.indexOf(open);
  const end = readme.indexOf(close);
  if (start < 0 || end < start) throw new Error(`${file} has no section ${open} … ${close}`);
  writeFileSync(file, `${readme.slice(0, start + open.length)}\n\n${text}\n\n${readme.slice(end)}`);
}
