// The history as a file: read as it comes, so that how far it is can be told, and given whole or not at all.
import type { ExportFormat } from '../../../server/dialects/history-export.js';
import type { HistoryFilters } from './history.js';
import { ApiError, send } from './http.js';

export type { ExportFormat };

export interface Exported {
  readonly file: Blob;
  readonly name: string;
}

/** Smaller pieces are put together: a blob's bytes are the browser's business, which keeps large ones on disk. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * @param onBytes told how many bytes have come
 * @throws ApiError connection_lost when the gateway breaks off; the signal's reason when it is aborted
 */
export async function exportHistory(
  format: ExportFormat,
  filters: HistoryFilters,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Exported> {
  const response = await send('/history/export', { query: { ...filters, format }, accept: '*/*', signal });
  const type = response.headers.get('Content-Type') ?? '';
  const pieces: Blob[] = [];
  let waiting: Uint8Array<ArrayBuffer>[] = [];
  let [bytes, waitingBytes] = [0, 0];
  try {
    for await (const chunk of response.body ?? []) {
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      bytes += chunk.byteLength;
      onBytes(bytes);
      if (waitingBytes < PIECE_BYTES) continue;
      pieces.push(new Blob(waiting));
      [waiting, waitingBytes] = [[], 0];
    }
  } catch {
    signal.throwIfAborted();
    throw new ApiError(0, 'connection_lost', 'The export broke off; nothing of it is kept.');
  }
  return { file: new Blob([...pieces, ...waiting], { type }), name: nameOf(response, format) };
}

function nameOf(response: Response, format: ExportFormat): string {
  const told = response.headers.get('Content-Disposition')?.match(/filename="([\w.-]+)"/)?.[1];
  return told ?? `minivault-history.${format}`;
}

/** Hands a file to the browser's downloads. */
export function save({ file, name }: Exported): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
