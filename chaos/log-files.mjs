// The log of a gateway as it stands on the disk, rotated files included. Knows no ledger.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const DIST = new URL('../dist/', import.meta.url);

/**
 * @typedef {object} Logged as a line of the log has it
 * @property {string} id
 * @property {string} timestamp
 * @property {string} prompt
 * @property {string} response
 * @property {string} status
 * @property {string | null} reason
 * @property {{ code: string } | null} error
 * @property {string} dialect
 * @property {{ completion_tokens: number } | null} usage
 */
/** @typedef {{ exchanges: Map<string, Logged>, lines: Map<string, string>, faults: string[] }} ReadLog by id; in the order of the files */

/**
 * I3 on the way: every line parses, ids are unique, no file ends in half a line.
 * @param {string} logFile @returns {Promise<ReadLog>}
 */
export async function readLog(logFile) {
  const { listLogFiles } = await import(new URL('store/rotation.js', DIST).href);
  const { fromLogLine } = await import(new URL('store/log-line.js', DIST).href);
  /** @type {ReadLog} */
  const read = { exchanges: new Map(), lines: new Map(), faults: [] };
  for (const file of await listLogFiles(logFile)) {
    const lines = (await readFile(file, 'utf8')).split('\n');
    if (lines.pop() !== '') read.faults.push(`I3: ${path.basename(file)} ends in half a line`);
    for (const line of lines) {
      try {
        fromLogLine(line);
        const exchange = JSON.parse(line);
        if (read.lines.has(exchange.id)) read.faults.push(`I3: ${exchange.id} stands in the log twice`);
        read.exchanges.set(exchange.id, exchange);
        read.lines.set(exchange.id, line);
      } catch {
        read.faults.push(`I3: ${path.basename(file)} has a damaged line: ${line.slice(0, 80)}`);
      }
    }
  }
  return read;
}
