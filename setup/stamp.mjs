// What set-up remembers in .setup/: a hash of the inputs of each finished step, and a mark for the one that is under way.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { signalGroup } from './child.mjs';
import { Fault } from './fault.mjs';
import { isAlive, nameProcess } from './process-identity.mjs';

/**
 * One hash over words and over names and contents of files.
 * @param {string} root folder of the files
 * @param {readonly string[]} files relative to it
 * @param {readonly string[]} [words]
 * @throws {Fault} naming a missing file
 */
export function fingerprint(root, files, words = []) {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const file of files) {
    hash.update(`\0${file}\0`);
    try {
      hash.update(readFileSync(path.join(root, file)));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
      throw new Fault(
        `${file} is missing: this copy is not whole; clone it again or \`git checkout ${file}\``,
      );
    }
  }
  return hash.digest('hex');
}

/**
 * Files under a folder, sorted, as paths relative to root.
 * @param {string} root
 * @param {string} folder
 * @param {(file: string) => boolean} isWanted
 * @returns {string[]}
 */
export function listFiles(root, folder, isWanted) {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => path.join(folder, name))
    .filter(isWanted)
    .sort();
}

/** The memory of one folder's set-up. Reading needs no folder; what writes needs the lock. */
export class Stamps {
  /** @param {string} folder such as .setup */
  constructor(folder) {
    this.folder = folder;
  }

  /**
   * @param {string} step
   * @param {string} hash
   */
  isFinished(step, hash) {
    try {
      return readFileSync(this.#file(step, 'stamp'), 'utf8') === hash;
    } catch {
      return false;
    }
  }

  /** @param {string} step */
  isBegun(step) {
    return existsSync(this.#file(step, 'begun'));
  }

  /**
   * Marks a step as under way. What an interrupted run of it may have left running is killed first.
   * @param {string} step
   */
  begin(step) {
    this.#killLeftover(step);
    rmSync(this.#file(step, 'stamp'), { force: true });
    this.renew(step, process.pid);
  }

  /**
   * Names the process that does the step, so that it can be found if set-up itself is killed.
   * @param {string} step
   * @param {number} pid
   */
  renew(step, pid) {
    writeFileSync(this.#file(step, 'begun'), JSON.stringify(nameProcess(pid)));
  }

  /**
   * @param {string} step
   * @param {string} hash
   */
  finish(step, hash) {
    const draft = this.#file(step, 'draft');
    writeFileSync(draft, hash);
    renameSync(draft, this.#file(step, 'stamp'));
    rmSync(this.#file(step, 'begun'), { force: true });
  }

  /**
   * The step has to be done again.
   * @param {string} step
   */
  forget(step) {
    rmSync(this.#file(step, 'stamp'), { force: true });
  }

  /**
   * The step failed before it changed anything.
   * @param {string} step
   */
  abandon(step) {
    rmSync(this.#file(step, 'begun'), { force: true });
  }

  /**
   * The earlier step counts as the interrupted one, because it is what has to be done again.
   * @param {string} step
   * @param {string} earlier
   */
  handOver(step, earlier) {
    this.#killLeftover(step);
    if (!this.isBegun(earlier)) renameSync(this.#file(step, 'begun'), this.#file(earlier, 'begun'));
    rmSync(this.#file(step, 'begun'), { force: true });
    this.forget(step);
  }

  /** @param {string} step */
  #killLeftover(step) {
    try {
      const leftover = JSON.parse(readFileSync(this.#file(step, 'begun'), 'utf8'));
      if (leftover.pid !== process.pid && isAlive(leftover)) signalGroup(leftover, 'SIGKILL');
    } catch {
      // No mark, or one that a crash of the machine left empty: nothing to kill by it.
    }
  }

  /**
   * @param {string} step
   * @param {'stamp' | 'begun' | 'draft'} kind
   */
  #file(step, kind) {
    return path.join(this.folder, `${step}.${kind}`);
  }
}
