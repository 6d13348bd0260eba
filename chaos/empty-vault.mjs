// An embedded database in no time: made once for a version of PGlite, then copied.
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const CACHE = path.join(REPOSITORY, '.setup');

/** Puts one at the path, unless something is there. @param {string} folder */
export async function copyEmptyVault(folder) {
  if (await stat(folder).catch(() => null)) return;
  await cp(await makeEmptyVault(), folder, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** The same one that the tests copy (server/testing/pglite-template.ts), so that it is made once. */
async function makeEmptyVault() {
  const manifest = path.join(REPOSITORY, 'node_modules/@electric-sql/pglite/package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8'));
  const folder = path.join(CACHE, `pglite-${version}`);
  if (await stat(folder).catch(() => null)) return folder;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(path.join(CACHE, 'pglite-'));
  const { embedPostgres } = await import(new URL('../dist/store/embedded-postgres.js', import.meta.url).href);
  const embedded = embedPostgres(path.join(draft, 'vault'));
  await embedded.start(() => {});
  await embedded.close();
  // Somebody else may have been first: that folder is as good.
  await rename(path.join(draft, 'vault'), folder).catch(() => stat(folder));
  await rm(draft, { recursive: true, force: true });
  return folder;
}
