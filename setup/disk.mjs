// Whether there is room for what a step is about to write.
import { statfs } from 'node:fs/promises';
import { Fault } from './fault.mjs';

const GIB = 1024 ** 3;

/**
 * @param {string} folder
 * @param {number} neededBytes
 * @throws {Fault} when less is free for this user
 */
export async function requireSpace(folder, neededBytes) {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const gib = (/** @type {number} */ bytes) => (bytes / GIB).toFixed(1);
  throw new Fault(
    `${folder} has ${gib(freeBytes)} GiB free and ${gib(neededBytes)} GiB are needed; free space or clone onto a larger disk, then run this again`,
  );
}
