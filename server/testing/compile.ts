// TypeScript of this repository as programs that plain node runs, for tests of real processes.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const TSC = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');

export interface Compiled {
  /** Path of the JavaScript made of a source, which is named from the repository's root. */
  program(source: string): string;
  remove(): Promise<void>;
}

/** Compiles the sources and all they import into a folder of their own; types are not checked. */
export async function compile(...sources: string[]): Promise<Compiled> {
  const folder = await mkdtemp(path.join(tmpdir(), 'minivault-compiled-'));
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
  await symlink(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'));
  const options = ['--ignoreConfig', '--noCheck', '--target', 'es2023', '--module', 'nodenext'];
  await promisify(execFile)(
    process.execPath,
    [TSC, ...options, '--rootDir', '.', '--outDir', folder, ...sources],
    { cwd: REPOSITORY },
  );
  return {
    program: source => path.join(folder, source.replace(/\.ts$/, '.js')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
