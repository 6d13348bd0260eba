// G22: what is installed is exactly what the lock files say, and none of it is known to be dangerous.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { NotHere } from '../run-scenarios.mjs';
import { runTestFile } from '../test-file.mjs';

export const goal = 'G22';
export const title = 'lock files: every package pinned; npm audit and pip-audit without a high finding';

const TEST = 'setup/lockfile.test.ts';
const REPOSITORY = path.resolve(import.meta.dirname, '..', '..');
/** Of setup/audit.mjs. */
const EXIT_FOUND = 1;

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, folder }) {
  if (scale === 'short') throw new NotHere(`npm test runs ${TEST} itself`);
  const { faults } = await runTestFile(TEST, folder);
  const { code, said } = await audit();
  if (code === EXIT_FOUND) faults.push(said);
  const lock = JSON.parse(readFileSync(path.join(REPOSITORY, 'package-lock.json'), 'utf8'));
  const ofNode = Object.keys(lock.packages).length - 1;
  const ofPython = readdirSync(REPOSITORY)
    .filter(name => /^requirements.*\.txt$/.test(name))
    .flatMap(
      name => readFileSync(path.join(REPOSITORY, name), 'utf8').match(/^[\w.-]+(?:\[[\w,-]+\])?==/gm) ?? [],
    );
  return {
    tried: ofNode + ofPython.length,
    failed: faults.length,
    faults,
    figures: {
      'Node packages': ofNode,
      'Python packages': ofPython.length,
      // Whose registry it was is nobody's business but its user's.
      audits: code === 0 ? 'clean' : said.replace(/ - [A-Z]+ https?:\/\/\S+/g, ''),
    },
  };
}

/** @returns {Promise<{ code: number, said: string }>} in one line */
function audit() {
  return new Promise(resolve => {
    const words = [path.join(REPOSITORY, 'setup', 'audit.mjs')];
    execFile(process.execPath, words, { cwd: REPOSITORY }, (error, stdout, stderr) => {
      const said = `${stdout}${stderr}`.trim().replaceAll(/\s*\n\s*/g, '; ');
      resolve({ code: error === null ? 0 : Number(error.code), said });
    });
  });
}
