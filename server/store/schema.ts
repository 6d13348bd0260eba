// The tables as TypeScript sees them; migrations/ makes them. Names are the log's and the wire's.
import type { ColumnType, Generated } from 'kysely';

/** Written as ISO 8601, read as a Date. */
type Timestamp = ColumnType<Date, string, string>;
/** Made by the database from other columns; queried, never read. */
type SearchVector = ColumnType<never, never, never>;

/** One exchange of the log. `line` is its line, byte for byte without the newline; every other column is made from it. */
export interface ExchangesTable {
  readonly id: string;
  /** In the order in which the rows came, with gaps. */
  readonly seq: ColumnType<string, never, never>;
  readonly ended_at: Timestamp;
  readonly status: 'completed' | 'cancelled' | 'failed';
  readonly dialect: string;
  readonly caller: string | null;
  readonly model: string;
  readonly chat_id: string | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly line: string;
  /** With U+FFFD for what PostgreSQL's text cannot hold (NUL, half a surrogate pair). */
  readonly prompt: string;
  readonly response: string;
  /** The text search configuration that `search` was made with. */
  readonly language: string;
  readonly search: SearchVector;
}

/** How many exchanges of each kind ended within the hour; kept by triggers of `exchanges`, always exact. */
export interface ExchangeCountsTable {
  /** Its beginning, UTC. */
  readonly hour: Timestamp;
  readonly status: ExchangesTable['status'];
  readonly dialect: string;
  readonly model: string;
  /** Empty where there was none. */
  readonly caller: string;
  readonly count: string;
}

/** How far each file of a log is in the database. */
export interface LogFilesTable {
  /** The id in the file's first line: it stays the same when the file is renamed by rotation. */
  readonly first_id: string;
  readonly indexed_bytes: number;
}

/** Exchanges that are being erased: they are still in a log file until the erasure is finished. */
export interface ErasuresTable {
  readonly id: string;
}

export interface DocumentsTable {
  readonly id: string;
  /** SHA-256 of the text: the same text is the same document. */
  readonly digest: Buffer;
  /** Of an uploaded file. */
  readonly filename: string | null;
  readonly media_type: string;
  readonly content: string;
  /** UTF-16 code units of the content, as offsets count. */
  readonly characters: number;
  /** The JSON object that came with it. */
  readonly metadata: ColumnType<Readonly<Record<string, unknown>>, string, string>;
  readonly language: string;
  readonly created_at: Generated<Date>;
}

/** A stretch of a document, offsets in UTF-16 code units of its content. */
export interface ChunksTable {
  readonly document_id: string;
  /** From 0. */
  readonly position: number;
  readonly start_offset: number;
  readonly end_offset: number;
  readonly content: string;
  readonly language: string;
  readonly search: SearchVector;
}

/** Exists only where the extension pgvector does; `embedding` is written as `[1,2,3]`. */
export interface ChunkVectorsTable {
  readonly document_id: string;
  readonly position: number;
  readonly embedder: string;
  readonly dimensions: number;
  readonly embedding: string;
}

/** Exists only where the extension pgvector does. */
export interface ExchangeVectorsTable {
  readonly exchange_id: string;
  readonly embedder: string;
  readonly dimensions: number;
  readonly embedding: string;
}

export interface Schema {
  readonly exchanges: ExchangesTable;
  readonly exchange_counts: ExchangeCountsTable;
  readonly log_files: LogFilesTable;
  readonly erasures: ErasuresTable;
  readonly documents: DocumentsTable;
  readonly chunks: ChunksTable;
  readonly chunk_vectors: ChunkVectorsTable;
  readonly exchange_vectors: ExchangeVectorsTable;
}
