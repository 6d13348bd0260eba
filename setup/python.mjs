// Finding a Python that can make the virtual environment. Knows nothing of packages.
import path from 'node:path';
import { runChild } from './child.mjs';
import { Fault } from './fault.mjs';

const OLDEST_MINOR = 10;
const PROBE_TIMEOUT_MS = 20_000;
/** `python3` may be older than another one beside it (macOS, long-term distributions); `py` is Windows' launcher. */
const CANDIDATES = [
  'python3',
  'python',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'py',
];
const ASTRAY = [
  'PYTHONHOME',
  'PYTHONPATH',
  'PYTHONDONTWRITEBYTECODE',
  'PIP_USER',
  'PIP_TARGET',
  'PIP_PREFIX',
];
const PROBE = `
import importlib.util, json, sys
print(json.dumps({"version": list(sys.version_info[:3]), "executable": sys.executable,
    "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
    "pip": importlib.util.find_spec("pip") is not None}))
`;

/** @typedef {{version: [number, number, number], executable: string, venv: boolean, pip: boolean}} Python */

/**
 * What a command says it is; null when there is no such command or it is no Python 3.
 * @param {string} command
 * @returns {Promise<Python | null>}
 */
export async function probePython(command) {
  try {
    const { code, output } = await runChild(command, ['-c', PROBE], {
      env: pythonEnv(),
      timeoutMs: PROBE_TIMEOUT_MS,
    });
    return code === 0 ? JSON.parse(output.trim().split('\n').at(-1) ?? '') : null;
  } catch {
    return null;
  }
}

/** @param {Python} python */
export function isSupported({ version: [major, minor] }) {
  return major === 3 && minor >= OLDEST_MINOR;
}

/** @param {Python} python */
export function nameOf({ version }) {
  return `Python ${version.join('.')}`;
}

/**
 * The first usable Python: MINIVAULT_SETUP_PYTHON alone if set, else the usual names on PATH.
 * @throws {Fault} naming the best one seen and what it lacks
 */
export async function findPython() {
  const named = process.env.MINIVAULT_SETUP_PYTHON;
  /** @type {Python | null} */
  let best = null;
  for (const command of named ? [named] : CANDIDATES) {
    const python = await probePython(command);
    if (python === null) continue;
    if (isSupported(python) && python.venv) return python;
    if (best === null || (isSupported(python) && !isSupported(best))) best = python;
  }
  if (best !== null && isSupported(best)) throw new Fault(venvRemedy(best));
  const wanted = `install Python 3.${OLDEST_MINOR} or newer with its venv module (Debian, Ubuntu: \`apt install python3 python3-venv\`)`;
  if (named) {
    const seen = best === null ? 'is not a Python that runs' : `is ${nameOf(best)}, which is too old`;
    throw new Fault(`MINIVAULT_SETUP_PYTHON=${named} ${seen}; name another or unset it, or ${wanted}`);
  }
  throw new Fault(
    best === null
      ? `no Python found (tried ${CANDIDATES.join(', ')}); ${wanted}`
      : `${nameOf(best)} (${best.executable}) is too old; ${wanted}, or name one in MINIVAULT_SETUP_PYTHON`,
  );
}

/** @param {Python} python */
function venvRemedy(python) {
  const debian = `python${python.version.slice(0, 2).join('.')}-venv`;
  return `${nameOf(python)} (${python.executable}) lacks its venv module; install it (Debian, Ubuntu: \`apt install ${debian}\`)`;
}

/**
 * The interpreter of a virtual environment.
 * @param {string} venv
 */
export function venvPython(venv) {
  return process.platform === 'win32'
    ? path.join(venv, 'Scripts', 'python.exe')
    : path.join(venv, 'bin', 'python');
}

/** The user's environment less what would lead Python or pip out of the virtual environment or keep it from its cache. */
export function pythonEnv() {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8' };
  for (const name of ASTRAY) delete env[name];
  return env;
}
