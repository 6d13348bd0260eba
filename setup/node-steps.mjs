// The steps on the JavaScript side: the npm packages and the build.
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { requireSpace } from './disk.mjs';
import { fingerprint, listFiles } from './stamp.mjs';

const PACKAGES_BYTES = 0.4 * 1024 ** 3;
export const NO_NPM =
  'npm is missing; install it (it comes with Node.js; Debian, Ubuntu: `apt install npm`) and run this again';

/**
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function nodePackages(root) {
  const marker = path.join(root, 'node_modules', '.package-lock.json');
  return {
    id: 'node-packages',
    title: 'Node packages',
    hash: () => {
      const { dependencies, devDependencies } = JSON.parse(
        readFileSync(path.join(root, 'package.json'), 'utf8'),
      );
      const node = [process.versions.modules, process.platform, process.arch];
      return fingerprint(
        root,
        ['package-lock.json', '.npmrc'],
        [...node, JSON.stringify({ dependencies, devDependencies })],
      );
    },
    isThere: () => existsSync(marker),
    spoils: ['build'],
    perform: async run => {
      if (!existsSync(marker)) await requireSpace(root, PACKAGES_BYTES);
      const [command, ...args] = npmCommand();
      // notice: a quiet user setting would hide what went wrong.
      await run(command, [...args, 'ci', '--include=dev', '--loglevel=notice'], { missing: NO_NPM });
      return '';
    },
  };
}

/**
 * npm as the user runs it; by its script where npm itself started this process.
 * @returns {[string, ...string[]]}
 */
export function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && path.basename(script) === 'npm-cli.js') return [process.execPath, script];
  return ['npm'];
}

/**
 * Compiles server/ to dist/, web/ to dist/web/ and cli.test.ts to cli.test.js. A failed or interrupted build leaves the old one.
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function build(root) {
  const dist = path.join(root, 'dist');
  // Beside dist/ and not in .setup/, so that the paths in source maps hold after the rename.
  const draft = path.join(root, 'dist.new');
  const cliDraft = path.join(root, '.setup', 'cli');
  const cli = path.join(root, 'cli.test.js');
  const isSource = (/** @type {string} */ file) =>
    /\.m?[jt]s$/.test(file) && !file.endsWith('.test.ts') && !file.startsWith(path.join('server', 'testing'));
  const isPagePart = (/** @type {string} */ file) =>
    /\.(?:tsx?|css|html|svg|json)$/.test(file) &&
    !file.endsWith('.test.ts') &&
    !file.startsWith(path.join('web', 'tests'));
  return {
    id: 'build',
    title: 'Build',
    hash: () =>
      fingerprint(root, [
        ...['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.cli.json', 'cli.test.ts'],
        ...listFiles(root, 'server', isSource),
        ...listFiles(root, 'web', isPagePart),
      ]),
    isThere: () => existsSync(path.join(dist, 'main.js')) && existsSync(cli),
    spoils: [],
    perform: async run => {
      const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const bundler = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
      const remove = (/** @type {string} */ file) => rmSync(file, { recursive: true, force: true });
      remove(draft);
      remove(cliDraft);
      await run(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', draft]);
      await run(process.execPath, [compiler, '-p', 'tsconfig.cli.json', '--outDir', cliDraft]);
      await run(process.execPath, [
        bundler,
        'build',
        'web',
        '--outDir',
        path.join(draft, 'web'),
        '--logLevel',
        'warn',
      ]);
      remove(dist);
      renameSync(draft, dist);
      renameSync(path.join(cliDraft, 'cli.test.js'), cli);
      return '';
    },
  };
}
