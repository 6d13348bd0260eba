// Makes the embedded database in the data folder, which takes seconds: `node setup/prepare-vault.mjs FOLDER`.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

process.umask(0o077);
const [folder = ''] = process.argv.slice(2);
const module = path.resolve(import.meta.dirname, '..', 'dist', 'store', 'embedded-postgres.js');
const { embedPostgres } = await import(pathToFileURL(module).href);
try {
  const database = embedPostgres(folder);
  await database.start(() => {});
  await database.close();
} catch (error) {
  // A gateway that runs has it, and so has made it.
  if (/** @type {Error} */ (error).name !== 'HeldError') throw error;
}
