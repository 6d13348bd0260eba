// Where converted models and the database are kept.
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * As server/settings reads it.
 * @param {string} root
 */
export function dataFolder(root) {
  const setting = (process.env.MINIVAULT_DATA_DIR || 'data').replace(/^~(?=\/|$)/, () => homedir());
  return path.resolve(root, setting);
}
