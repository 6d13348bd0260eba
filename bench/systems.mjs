// What is measured: how each system is started, asked, and what it cannot do. Knows no figures.
import path from 'node:path';
import { pythonEnv } from '../setup/python.mjs';

/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./child-process.mjs').Program} Program */
/**
 * @typedef {object} System
 * @property {string} id
 * @property {string} name
 * @property {import('./http-load.mjs').Dialect | null} dialect null for a program in-process
 * @property {string} readyPath answers 200 once it is ready; no path in-process
 * @property {number} startLimitMs
 * @property {readonly string[]} packages it needs: `node`, `python`, `torchao`
 * @property {boolean} isReference measured at 1 and 16 only, without a busy neighbour
 * @property {boolean} countTokens false where the text has no tokens of the model
 * @property {(places: Places) => string} model its name for the server
 * @property {(places: Places) => Program} program
 */
/** @typedef {Partial<System> & Pick<System, 'id' | 'name' | 'program'>} SystemPart */

export const MOST_CLIENTS = 32;
const PACKAGED_MODEL = 'smollm2-135m-instruct';
const START_LIMIT_MS = 90_000;
/** The compiled step once took longer than 186 s on two cores, and was not done then. */
const COMPILE_LIMIT_MS = 150_000;

/** @param {SystemPart} part @returns {System} */
function system(part) {
  return {
    dialect: null,
    readyPath: '',
    startLimitMs: START_LIMIT_MS,
    packages: [],
    isReference: false,
    countTokens: true,
    model: () => PACKAGED_MODEL,
    ...part,
  };
}

/**
 * All systems, in the order in which they take turns.
 * @param {string} type in which the transformers peers compute: the faster one on this machine
 * @returns {System[]}
 */
export function listSystems(type) {
  const isFake = process.env.MINIVAULT_ENGINE === 'fake';
  const other = type === 'bfloat16' ? 'float32' : 'bfloat16';
  return [
    system({
      id: 'minivault',
      name: 'minivault',
      dialect: 'generate',
      readyPath: '/readyz',
      countTokens: !isFake,
      model: () => (isFake ? 'fake' : PACKAGED_MODEL),
      program: gateway,
    }),
    inProcess('engine', 'minivault’s engine, in-process', 'engine', type),
    system({
      id: 'llama',
      name: 'node-llama-cpp',
      dialect: 'generate',
      readyPath: '/',
      packages: ['node'],
      program: llama,
    }),
    serve('serve', 'transformers serve', type, []),
    serve('serve-cb', 'transformers serve --continuous-batching', type, ['--continuous-batching']),
    inProcess('generate', `generate, ${type}, in-process`, 'generate', type),
    reference(inProcess('generate-other', `generate, ${other}, in-process`, 'generate', other)),
    reference(inProcess('manager', `ContinuousBatchingManager, ${type}, in-process`, 'manager', type)),
    {
      ...reference(
        inProcess('compiled', 'int8 by torchao, compiled step, in-process', 'compiled', 'bfloat16'),
      ),
      startLimitMs: COMPILE_LIMIT_MS,
      packages: ['python', 'torchao'],
    },
  ];
}

/** @param {System} system @returns {System} */
function reference(system) {
  return { ...system, isReference: true };
}

/** @param {Places} places @returns {Program} */
function gateway({ repositoryDir, dataDir, python, port, scratchDir }) {
  return {
    command: process.execPath,
    // What `npm start` does once set-up has nothing to do.
    args: [path.join(repositoryDir, 'server', 'testing', 'fixtures', 'serve.mjs')],
    cwd: repositoryDir,
    env: {
      ...process.env,
      PORT: String(port),
      RATE_LIMIT_ENABLED: 'false',
      MINIVAULT_DATA_DIR: dataDir,
      MINIVAULT_PYTHON: python,
      MINIVAULT_LOG_FILE: path.join(scratchDir, 'log.jsonl'),
    },
  };
}

/** @param {Places} places @returns {Program} */
function llama({ peersDir, nodeDir, ggufFile, port }) {
  return {
    command: process.execPath,
    args: [path.join(peersDir, 'llama-server.mjs'), nodeDir, ggufFile, String(MOST_CLIENTS), String(port)],
    cwd: nodeDir,
    env: process.env,
  };
}

/** @param {string} id @param {string} name @param {string} type @param {readonly string[]} flags @returns {System} */
function serve(id, name, type, flags) {
  return system({
    id,
    name: `${name}, ${type}`,
    dialect: 'openai',
    readyPath: '/health',
    packages: ['python'],
    model: ({ modelDir }) => modelDir,
    program: ({ peerPython, modelDir, port, scratchDir }) => ({
      command: peerPython,
      args: [
        ...['-m', 'transformers.cli.transformers', 'serve', modelDir, '--device', 'cpu', '--dtype', type],
        ...['--host', '127.0.0.1', '--port', String(port), '--log-level', 'error', ...flags],
      ],
      cwd: scratchDir,
      env: peerEnv(),
    }),
  });
}

/** @param {string} id @param {string} name @param {string} kind @param {string} type @returns {System} */
function inProcess(id, name, kind, type) {
  return system({
    id,
    name,
    program: ({ python, peersDir, modelDir, dataDir, scratchDir, torchaoDir }) => ({
      command: python,
      args: [
        ...['-u', path.join(peersDir, 'in_process.py'), '--kind', kind, '--dtype', type],
        ...['--model', modelDir, '--data-dir', dataDir],
      ],
      cwd: scratchDir,
      env: {
        ...peerEnv(),
        ...(kind === 'compiled'
          ? { PYTHONPATH: torchaoDir, TORCHINDUCTOR_CACHE_DIR: path.join(torchaoDir, 'inductor') }
          : {}),
      },
    }),
  });
}

function peerEnv() {
  return {
    ...pythonEnv(),
    HF_HUB_OFFLINE: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    TRANSFORMERS_VERBOSITY: 'error',
  };
}
