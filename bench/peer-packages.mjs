// Installs what the peers need into data/bench, never among the product's own packages. Done once; exact versions.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runChild } from '../setup/child.mjs';
import { pythonEnv } from '../setup/python.mjs';
import { purelib } from './places.mjs';

/** @typedef {import('./places.mjs').Places} Places */

const LLAMA = '3.22.1';
const TORCHAO = 'torchao==0.18.0';
/** `transformers serve` needs them; without their dependencies, which the product has or they can do without. */
const SERVING = [
  'fastapi==0.165.0',
  'starlette==1.10.0',
  'uvicorn==0.54.0',
  'opentelemetry-api==1.45.2',
  'openai==3.54.0',
  'jiter==0.19.0',
];
const INSTALL_LIMIT_MS = 300_000;
/** The prebuilt llama.cpp of node-llama-cpp, by process.platform and process.arch. */
const LLAMA_BUILDS = new Map([
  ['linux-x64', 'linux-x64'],
  ['linux-arm64', 'linux-arm64'],
  ['darwin-arm64', 'mac-arm64-metal'],
  ['darwin-x64', 'mac-x64'],
]);

export const PEER_VERSIONS = { 'node-llama-cpp': LLAMA, torchao: TORCHAO.split('==')[1] ?? '' };

/** @typedef {{ folder: string, wanted: readonly string[], install: () => Promise<void> }} PackageSet */

/**
 * @param {string} name `node`, `python` or `torchao`
 * @param {Places} places
 * @returns {PackageSet}
 * @throws {Error} for a machine the peer is not built for
 */
function packageSet(name, places) {
  if (name === 'node') return nodeSet(places);
  return name === 'python' ? pythonSet(places) : torchaoSet(places);
}

/** @param {Places} places @returns {PackageSet} */
function nodeSet({ nodeDir }) {
  const build = LLAMA_BUILDS.get(`${process.platform}-${process.arch}`);
  if (build === undefined)
    throw new Error(`node-llama-cpp has no build for ${process.platform} ${process.arch}`);
  const wanted = [`node-llama-cpp@${LLAMA}`, `@node-llama-cpp/${build}@${LLAMA}`];
  return {
    folder: nodeDir,
    wanted,
    install: async () => {
      writeFileSync(path.join(nodeDir, 'package.json'), '{ "private": true }\n');
      const flags = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
      await run('npm', ['install', ...flags, ...wanted], nodeDir);
    },
  };
}

/** @param {Places} places @returns {PackageSet} */
function pythonSet({ python, peerPython }) {
  const folder = path.dirname(path.dirname(peerPython));
  return {
    folder,
    wanted: SERVING,
    install: async () => {
      await run(python, ['-m', 'venv', '--without-pip', folder], path.dirname(folder));
      const seen = await purelib(python);
      writeFileSync(path.join(await purelib(peerPython), 'product.pth'), `${seen}\n`);
      await run(peerPython, ['-m', 'pip', 'install', '--no-deps', ...SERVING], folder);
    },
  };
}

/** @param {Places} places @returns {PackageSet} */
function torchaoSet({ python, torchaoDir }) {
  return {
    folder: torchaoDir,
    wanted: [TORCHAO],
    install: () =>
      run(python, ['-m', 'pip', 'install', '--no-deps', '--target', torchaoDir, TORCHAO], torchaoDir),
  };
}

/** @param {string} command @param {readonly string[]} args @param {string} cwd */
async function run(command, args, cwd) {
  const options = { cwd, env: pythonEnv(), timeoutMs: INSTALL_LIMIT_MS };
  const { code, signal, output } = await runChild(command, args, options);
  if (code !== 0) {
    const said = output.trim().split('\n').at(-1);
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed (${signal ?? code}): ${said}`);
  }
}

/**
 * Installs what is not there yet, from the registries that npm and pip are set to.
 * @param {readonly string[]} names @param {Places} places @param {(line: string) => void} say
 * @returns {Promise<Map<string, string>>} what failed, and why
 */
export async function installPeers(names, places, say) {
  /** @type {Map<string, string>} */
  const failed = new Map();
  for (const name of new Set(names)) {
    try {
      const { folder, wanted, install } = packageSet(name, places);
      const stamp = path.join(folder, 'installed.json');
      // Whose packages the peers see counts, too: this folder may be copied or linked elsewhere.
      const made = JSON.stringify([wanted, await purelib(places.python)]);
      if (existsSync(stamp) && readFileSync(stamp, 'utf8') === made) continue;
      say(`installing ${wanted.join(', ')} into ${folder}`);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      await install();
      writeFileSync(stamp, made);
    } catch (error) {
      failed.set(name, error instanceof Error ? error.message : String(error));
    }
  }
  return failed;
}
