// A new embedded database in no time: made once for this version of PGlite, then copied.
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { embedPostgres } from '../store/embedded-postgres.js';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const CACHE = path.join(REPOSITORY, '.setup');

/** Puts an empty database at the path, which must not exist yet. */
export async function copyPgliteTemplate(folder: string): Promise<void> {
  await cp(await makePgliteTemplate(), folder, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** Returns its folder, at once when it is there. */
export async function makePgliteTemplate(): Promise<string> {
  const manifest = path.join(REPOSITORY, 'node_modules/@electric-sql/pglite/package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const folder = path.join(CACHE, `pglite-${version}`);
  if (await stat(folder).catch(() => null)) return folder;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(path.join(CACHE, 'pglite-'));
  const embedded = embedPostgres(path.join(draft, 'vault'));
  await embedded.start(() => {});
  await embedded.close();
  // Another worker may have been first: its folder is as good.
  await rename(path.join(draft, 'vault'), folder).catch(() => stat(folder));
  await rm(draft, { recursive: true, force: true });
  return folder;
}
