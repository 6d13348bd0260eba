// Which exchanges stand in this gateway's log: several gateways, each with a log of its own, may share one database.
import type { ExchangeLog } from './exchange-log.js';
import { findLines, idsOf } from './log-rewrite.js';
import { listLogFiles } from './rotation.js';

/**
 * Those of the ids, which are in lower case, that any file of the log has.
 * @throws AppError `storage_unavailable` while the log cannot be written, the system's error when it cannot be read.
 */
export async function findInLog(
  path: string,
  log: Pick<ExchangeLog, 'exclusively'>,
  ids: ReadonlySet<string>,
): Promise<Set<string>> {
  const found = new Set<string>();
  const look = async (file: string): Promise<void> => {
    if (found.size === ids.size) return;
    for await (const { bytes } of findLines(file, ids)) for (const id of idsOf(bytes, ids)) found.add(id);
  };
  const rotated = (await listLogFiles(path)).filter(file => file !== path);
  for (const file of rotated) await look(file);
  if (found.size === ids.size) return found;
  // A file that is renamed meanwhile would be passed over.
  await log.exclusively(async () => {
    for (const file of await listLogFiles(path)) if (!rotated.includes(file)) await look(file);
  });
  return found;
}
