// The audit: one line per change of keys and per refusal, appended and never changed. Knows neither keys nor requests;
// how lines reach the disk is line-writer.ts's business.
import type { AuditEvent } from '../domain/audit.js';
import type { LineWriterOptions, LineWriterStatus } from './line-writer-options.js';
import { openLineWriter } from './open-line-writer.js';

const SETTING = 'MINIVAULT_AUDIT_FILE';

export interface AuditLog {
  /**
   * Never rejects. Resolves when the line is on the disk; while that takes nothing, or after 2 s, the line waits in memory and
   * the promise resolves all the same.
   */
  append(event: AuditEvent): Promise<void>;
  /** Resolves when all that was appended so far is on the disk, or in memory while that takes nothing. */
  settled(): Promise<void>;
  status(): LineWriterStatus;
  /** Opens the path again, for SIGHUP. */
  reopen(): Promise<void>;
  /** Writes and syncs what is left; takes at most 3 s. */
  close(): Promise<void>;
}

/**
 * Opens the audit, mending a torn tail. A full or failing disk is no reason not to start.
 * @throws ConfigError when no audit can ever be written at the path.
 */
export async function openAuditLog(options: Omit<LineWriterOptions, 'fsync' | 'name'>): Promise<AuditLog> {
  const writer = await openLineWriter({ ...options, fsync: 'always', name: 'audit' }, SETTING);
  let last: Promise<void> = Promise.resolve();
  return {
    append: event => {
      last = writer.append(Buffer.from(toAuditLine(event, new Date())));
      return last;
    },
    settled: () => last,
    status: () => writer.status(),
    reopen: () => writer.reopen(),
    close: () => writer.close(),
  };
}

function toAuditLine(event: AuditEvent, now: Date): string {
  const { event: name, actor, target, address, requestId, details } = event;
  const line = {
    timestamp: now.toISOString(),
    event: name,
    actor,
    target,
    address,
    request_id: requestId,
    details,
  };
  return `${JSON.stringify(line)}\n`;
}
