// The step for the embedded database: made before the first start, so that no start has to wait for it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { dataFolder } from './data-folder.mjs';
import { requireSpace } from './disk.mjs';
import { fingerprint } from './stamp.mjs';

const FOLDER_BYTES = 0.2 * 1024 ** 3;

/** Whether exchanges go into an embedded database: neither switched off nor into a PostgreSQL. */
export function wantsVault() {
  const { DATABASE_URL, MINIVAULT_VAULT = 'on' } = process.env;
  return DATABASE_URL === undefined && MINIVAULT_VAULT === 'on';
}

/**
 * Whether there is an embedded database in the data folder.
 * @param {string} root
 */
export function hasVault(root) {
  return existsSync(path.join(dataFolder(root), 'vault', 'PG_VERSION'));
}

/**
 * The embedded database in the data folder.
 * @param {string} root
 * @returns {import('./step.mjs').Step}
 */
export function vaultFolder(root) {
  const dataDir = dataFolder(root);
  const vault = path.join(dataDir, 'vault');
  return {
    id: 'vault',
    title: 'Database',
    // An older one is never made anew: it is somebody's history.
    hash: () => fingerprint(root, [], [dataDir]),
    isThere: () => existsSync(path.join(vault, 'PG_VERSION')),
    spoils: [],
    perform: async run => {
      if (existsSync(path.join(vault, 'PG_VERSION'))) return 'as it was';
      if (existsSync(dataDir)) await requireSpace(dataDir, FOLDER_BYTES);
      await run(process.execPath, [path.join('setup', 'prepare-vault.mjs'), vault]);
      return '';
    },
  };
}
