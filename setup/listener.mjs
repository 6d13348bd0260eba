// Who listens on a port, where Linux tells.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/**
 * @param {number} port
 * @returns {{pid: number, command: string} | null} null when that cannot be seen
 */
export function pidListeningOn(port) {
  const inodes = new Set(['tcp', 'tcp6'].flatMap(table => inodesOf(table, port)));
  if (inodes.size === 0) return null;
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some(fd => {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode !== undefined && inodes.has(inode);
      });
      if (holds) return { pid: Number(pid), command: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() };
    } catch {
      // Another user's, or gone meanwhile.
    }
  }
  return null;
}

/**
 * @param {string} table
 * @param {number} port
 * @returns {string[]}
 */
function inodesOf(table, port) {
  try {
    return readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map(line => line.trim().split(/\s+/))
      .filter(
        ([, local = '', , state]) =>
          state === LISTENING && Number.parseInt(local.split(':')[1] ?? '', 16) === port,
      )
      .map(fields => fields[9] ?? '');
  } catch {
    return [];
  }
}
