// GET /history/export: all exchanges that match, oldest first, as a file.
import type { RequestHandler } from 'express';
import { createExportEncoder, type ExportEvent, exportQuerySchema } from '../dialects/history-export.js';
import { ownFilters } from '../http/access.js';
import { parseWith } from '../http/body.js';
import { scopeOf } from '../http/request-scope.js';
import { type StreamTimeouts, sendStream } from '../http/send.js';
import type { HistoryRouteParts } from './history.js';

export interface ExportRouteParts extends HistoryRouteParts {
  readonly timeouts: StreamTimeouts;
}

export function exportRoute({ history, vault, timeouts }: ExportRouteParts): RequestHandler {
  return async (req, res) => {
    const { format, ...asked } = parseWith(exportQuerySchema, req.query);
    const scope = scopeOf(res);
    const filters = ownFilters(scope.caller, asked);
    await vault.caughtUp();
    const batches = history.read(filters, scope.signal);
    const name = `minivault-history-${new Date().toISOString().slice(0, 10)}.${format}`;
    await sendStream(res, scope, exportEvents(batches, scope.signal), createExportEncoder(format), {
      ...timeouts,
      headers: { 'Content-Disposition': `attachment; filename="${name}"` },
    });
  };
}

async function* exportEvents(
  batches: AsyncIterable<readonly string[]>,
  signal: AbortSignal,
): AsyncGenerator<readonly ExportEvent[]> {
  for await (const lines of batches) {
    yield lines.map(line => ({ type: 'exchange', line }));
  }
  if (!signal.aborted) yield [{ type: 'done' }];
}
