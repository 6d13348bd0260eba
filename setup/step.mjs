// What a step of set-up is, and how its programs are run. Knows no particular step.
import path from 'node:path';
import { runChild } from './child.mjs';
import { childFault, Fault } from './fault.mjs';

/**
 * @typedef {object} Step
 * @property {string} id name of its stamp and log in .setup/
 * @property {string} title
 * @property {() => string} hash of everything its result depends on
 * @property {() => boolean} isThere whether its result still exists; cheap
 * @property {readonly string[]} spoils ids of later steps that have to be done again after this one
 * @property {string} [restartsAt] id of the earlier step that an interrupted run of this one damages
 * @property {(run: Run, interrupted: boolean) => Promise<string>} perform resolves with a detail worth telling, or ''
 */

/**
 * @callback Run
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{env?: NodeJS.ProcessEnv, toStage?: (line: string) => string | null, missing?: string,
 *   explain?: (output: string) => string | null}} [options]
 *   toStage makes what is shown of a line of output, null to go on showing the last; missing is the fault when there
 *   is no such command;
 *   explain finds the fault in a failed program's output, null when the usual ones should be tried
 * @returns {Promise<string>} the output; rejects with a Fault when the program fails
 */

/**
 * @param {Step} step
 * @param {{root: string, folder: string, onSpawn: (pid: number) => void, onStage: (text: string) => void}} context
 * @returns {Run}
 */
export function createRun(step, { root, folder, onSpawn, onStage }) {
  return async (command, args, options = {}) => {
    const logFile = path.join(folder, `${step.id}.log`);
    const toStage = options.toStage ?? (line => line);
    /** @type {import('./child.mjs').ChildResult} */
    let result;
    try {
      result = await runChild(command, args, {
        cwd: root,
        env: options.env ?? process.env,
        logFile,
        onSpawn,
        onLine: line => {
          const stage = toStage(line);
          if (stage !== null) onStage(stage);
        },
      });
    } catch (error) {
      const { code, syscall } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'ENOENT' && syscall?.startsWith('spawn') && options.missing)
        throw new Fault(options.missing);
      throw error;
    }
    if (result.code === 0) return result.output;
    const explained = options.explain?.(result.output) ?? null;
    if (explained !== null) throw new Fault(`${step.title}: ${explained}`);
    throw childFault(step.title, result, path.relative(root, logFile));
  };
}
