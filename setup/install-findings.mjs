// What this copy has: packages as pinned, the build, the model, and folders that are its user's alone.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runChild } from './child.mjs';
import { Fault } from './fault.mjs';
import { fault, ok, warning } from './finding.mjs';
import { wantsPackagedModel } from './model-steps.mjs';
import { pythonEnv, venvPython } from './python.mjs';
import { runningSetUp, unfinishedSteps } from './set-up.mjs';

const OTHERS = 0o077;
const PYTHON_TIMEOUT_MS = 30_000;
/** Name and version of every installed package, one a line. */
const LIST_PACKAGES =
  'import importlib.metadata as m, json; print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in m.distributions()}))';

/** @typedef {import('./finding.mjs').Finding} Finding */
/** @typedef {import('./settings.mjs').Settings} Settings */

/**
 * @param {string} root
 * @param {Settings} settings
 * @returns {AsyncGenerator<Finding>}
 */
export async function* installFindings(root, { values }) {
  yield lookAtSetUp();
  yield lookAtNodePackages(root);
  yield await lookAtPythonPackages(root);
  yield lookAtModel(root, values);
  yield lookAtFolder('Data folder', String(values.MINIVAULT_DATA_DIR), isPrivateData);
  const log = String(values.MINIVAULT_LOG_FILE);
  yield lookAtFolder(
    'Log folder',
    path.dirname(log),
    name => name.startsWith(path.basename(log)) || name.startsWith('audit.jsonl'),
  );
  yield await lookAtKeys(root, values);
}

function lookAtSetUp() {
  try {
    const pid = runningSetUp();
    if (pid !== null) {
      return warning(
        'Set-up',
        `process ${pid} is at it now`,
        'ask again when it has ended: what follows may only be unfinished',
      );
    }
    const unfinished = unfinishedSteps();
    return unfinished.length === 0
      ? ok('Set-up', 'all done')
      : fault('Set-up', `not done, or no longer current: ${unfinished.join(', ')}`, 'run `npm run setup`');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const [text, ...remedy] = error.message.split('; ');
    return fault('Set-up', text ?? '', remedy.join('; '));
  }
}

/**
 * @param {string} name
 * @param {readonly string[]} strays `package 1.2.3 instead of 1.2.4`
 * @param {number} count
 * @param {string} remedy
 */
function tellStrays(name, strays, count, remedy) {
  if (strays.length === 0) return ok(name, `${count}, as pinned`);
  const rest = strays.length > 5 ? ` and ${strays.length - 5} more` : '';
  return fault(name, `${strays.slice(0, 5).join(', ')}${rest}`, remedy);
}

/** @param {string} root */
function lookAtNodePackages(root) {
  const lock = readJson(path.join(root, 'package-lock.json'));
  if (!existsSync(path.join(root, 'node_modules')))
    return fault('Node packages', 'not installed', 'run `npm run setup`');
  const pinned = Object.entries(lock?.packages ?? {}).filter(
    ([place, { optional, peer }]) => place !== '' && !optional && !peer,
  );
  const strays = pinned.flatMap(([place, { version }]) => {
    const found = readJson(path.join(root, place, 'package.json'))?.version ?? 'nothing';
    return found === version ? [] : [`${place.replace('node_modules/', '')} ${found} instead of ${version}`];
  });
  return tellStrays('Node packages', strays, pinned.length, 'remove node_modules and run `npm run setup`');
}

/** @param {string} root */
async function lookAtPythonPackages(root) {
  const name = 'Python packages';
  const python = venvPython(path.join(root, '.venv'));
  if (!existsSync(python)) return fault(name, 'not installed', 'run `npm run setup`');
  const remedy = 'remove .venv and run `npm run setup`';
  const { code, output } = await runChild(python, ['-c', LIST_PACKAGES], {
    env: pythonEnv(),
    timeoutMs: PYTHON_TIMEOUT_MS,
  });
  const installed = code === 0 ? parseJson(output.trim().split('\n').at(-1) ?? '') : null;
  if (installed === null) return fault(name, `${python} does not run`, remedy);
  const pins = [
    ...readFileSync(path.join(root, 'requirements.txt'), 'utf8').matchAll(
      /^([\w.-]+)(?:\[.*?\])?==([\w.]+)(.*)$/gm,
    ),
    // Those with a condition may be for another Python or system.
  ].filter(([, , , condition = '']) => !condition.includes(';'));
  const strays = pins.flatMap(([, pin = '', version = '']) => {
    const found = installed[pin.toLowerCase().replaceAll('_', '-')] ?? 'nothing';
    // A build for one kind of machine says so behind a plus.
    return found.split('+')[0] === version ? [] : [`${pin} ${found} instead of ${version}`];
  });
  return tellStrays(name, strays, pins.length, remedy);
}

/**
 * @param {string} root
 * @param {Settings['values']} values
 */
function lookAtModel(root, values) {
  const reference = String(values.MINIVAULT_MODEL);
  if (values.MINIVAULT_BACKEND !== 'local') return ok('Model', 'another server has it');
  if (values.MINIVAULT_ENGINE === 'fake') return ok('Model', 'none: the engine is the fake one');
  if (wantsPackagedModel()) {
    const folder = path.join(String(values.MINIVAULT_DATA_DIR), 'models', reference);
    return existsSync(path.join(folder, 'minivault.json'))
      ? ok('Model', `${reference}, converted`)
      : fault('Model', `${reference} is not converted`, 'run `npm run setup`');
  }
  const place = path.resolve(root, reference.replace(/^~(?=\/|$)/, process.env.HOME ?? '~'));
  if (existsSync(place)) return ok('Model', place);
  return warning(
    'Model',
    `there is no ${place}`,
    'the worker takes it for a name on the Hugging Face hub; give MINIVAULT_MODEL a path if it is none',
  );
}

/** @param {string} name */
function isPrivateData(name) {
  return name === 'vault' || name.startsWith('keys.json');
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {(entry: string) => boolean} isPrivate what in it holds what people said, or lets them in
 */
function lookAtFolder(name, folder, isPrivate) {
  if (!existsSync(folder)) return ok(name, `${folder} will be made`);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return fault(
      name,
      `${folder} cannot be written by this user`,
      `\`chown -R\` it to the user that runs the gateway`,
    );
  }
  if (process.platform === 'win32') return ok(name, folder);
  const open = readdirSync(folder).filter(
    entry => isPrivate(entry) && (statSync(path.join(folder, entry)).mode & OTHERS) !== 0,
  );
  if (open.length === 0) return ok(name, folder);
  const files = open.map(entry => path.join(folder, entry));
  return warning(name, `others may read ${open.join(', ')}`, `chmod -R go-rwx ${files.join(' ')}`);
}

/**
 * @param {string} root
 * @param {Settings['values']} values
 */
async function lookAtKeys(root, values) {
  const file = String(
    values.MINIVAULT_KEYS_FILE ?? path.join(String(values.MINIVAULT_DATA_DIR), 'keys.json'),
  );
  const apiKey = values.API_KEY === null ? '' : 'API_KEY is set; ';
  if (!existsSync(file)) {
    return ok(
      'Keys',
      `${apiKey}no stored ones${apiKey === '' ? ': whoever is at this machine may use it' : ''}`,
    );
  }
  const program = path.join(root, 'dist', 'access', 'key-file.js');
  if (!existsSync(program)) return ok('Keys', `${apiKey}${file}`);
  try {
    const { readKeyFile } = await import(pathToFileURL(program).href);
    const keys = readKeyFile(file);
    return ok('Keys', `${apiKey}${keys.length} stored in ${file}`);
  } catch (error) {
    return fault('Keys', String(/** @type {Error} */ (error).message), 'mend the file, or move it away');
  }
}

/**
 * @param {string} file
 * @returns {any} null when there is none or it is broken
 */
function readJson(file) {
  try {
    return parseJson(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * @param {string} text
 * @returns {any}
 */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
