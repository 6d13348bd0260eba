// Texts become documents: the same text is the same document, a new one is cut into chunks, embedded, and stored with
// all the others of its request or not at all. Knows no route; the embedder is passed in.
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Caller } from '../domain/caller.js';
import type { Embedder, EmbedderInfo } from '../domain/embedding.js';
import { AppError } from '../errors.js';
import { requireSameEmbedder } from '../store/chunk-search.js';
import type { Database } from '../store/database.js';
import { addDocuments, findDocuments, type NewChunk, type NewDocument } from '../store/documents.js';
import { type ChunkOptions, chunkText } from './chunk.js';
import { openTokenCounter, type TokenCounter } from './token-counter.js';

export interface TextToAdd {
  /** What the client calls it, for errors: `documents[3]`, a file's name. */
  readonly name: string;
  readonly filename: string | null;
  readonly mediaType: string;
  readonly content: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface AddedDocument {
  readonly id: string;
  /** False for a text that was kept already; its first metadata and file name stay. */
  readonly isNew: boolean;
  readonly chunks: number;
}

/**
 * All of them or none; the answer is in their order.
 * @throws AppError invalid_request for a blank text, document_too_large, storage_unavailable, embedder_mismatch, and
 * what asking the embedder may end in.
 * @param asker whose budget and turn it is
 */
export type Ingest = (
  texts: readonly TextToAdd[],
  signal: AbortSignal,
  asker?: Pick<Caller, 'share' | 'limits'>,
) => Promise<readonly AddedDocument[]>;

export interface IngestParts {
  readonly database: Database;
  readonly embedder: Embedder;
  readonly language: string;
  readonly chunking: ChunkOptions;
  readonly maxCharacters: number;
}

/** Between two looks at whether the client is still there, and none of other requests waits long for the embedder. */
const TEXTS_A_CALL = 64;
/** Those that open and close a text. */
const SURROUNDING_TOKENS = 2;

export function createIngest(parts: IngestParts): Ingest {
  const { database, embedder, language, maxCharacters } = parts;
  const cut = createChunker(parts.chunking);
  return async (texts, signal, asker) => {
    for (const { name, content } of texts) requireFit(name, content, maxCharacters);
    database.requireVectors();
    const info = await embedder.describe(signal);
    await requireSameEmbedder(database, info);
    const digests = texts.map(({ content }) => createHash('sha256').update(content).digest());
    const kept = await findDocuments(database, digests);
    const fresh = new Map<string, NewDocument>();
    for (const [index, text] of texts.entries()) {
      const digest = digests[index] as Buffer;
      const key = digest.toString('hex');
      if (kept.has(key) || fresh.has(key)) continue;
      const chunks = await embedChunks(text.content, cut, { embedder, info, asker }, signal);
      fresh.set(key, { ...text, id: uuidv7(), digest, chunks });
    }
    const added = await addDocuments(database, [...fresh.values()], { language, embedder: info });
    const results = new Map([...fresh.keys()].map((key, index) => [key, added[index]]));
    const told = new Set<string>();
    return digests.map(digest => {
      const key = digest.toString('hex');
      const old = kept.get(key);
      if (old !== undefined) return { ...old, isNew: false };
      const { id, isNew } = results.get(key) as { id: string; isNew: boolean };
      const isFirst = !told.has(key);
      told.add(key);
      return { id, isNew: isNew && isFirst, chunks: fresh.get(key)?.chunks.length ?? 0 };
    });
  };
}

function requireFit(name: string, content: string, maxCharacters: number): void {
  if (content.trim() === '') {
    throw new AppError('invalid_request', `"${name}" is blank.`, { param: name });
  }
  if (content.length > maxCharacters) {
    throw new AppError(
      'document_too_large',
      `"${name}" has ${content.length} characters; a document may have ${maxCharacters}.`,
      { param: name },
    );
  }
}

export interface EmbeddingSource {
  readonly embedder: Embedder;
  readonly info: EmbedderInfo;
  /** Whose budget it is; the gateway's own work has none. */
  readonly asker?: Pick<Caller, 'share' | 'limits'> | undefined;
}

/** A text's chunks with their vectors. @throws AppError as the embedder does */
export async function embedChunks(
  content: string,
  cut: Chunker,
  { embedder, info, asker }: EmbeddingSource,
  signal: AbortSignal,
): Promise<NewChunk[]> {
  const spans = await cut(content, info);
  const chunks: NewChunk[] = [];
  for (let from = 0; from < spans.length; from += TEXTS_A_CALL) {
    const some = spans.slice(from, from + TEXTS_A_CALL);
    const texts = some.map(({ start, end }) => content.slice(start, end));
    const embeddings = await embedder.embed(texts, signal, asker);
    for (const [index, span] of some.entries()) {
      const vector = embeddings[index]?.vector;
      if (vector?.length !== info.dimensions) {
        throw new AppError('worker_error', `The embedder gave no vector of ${info.dimensions} numbers.`);
      }
      chunks.push({ ...span, vector });
    }
  }
  return chunks;
}

export type Chunker = (content: string, info: EmbedderInfo) => ReturnType<typeof chunkText>;

/** Reads the embedder's tokenizer once. */
export function createChunker({ maxTokens, overlapTokens }: ChunkOptions): Chunker {
  let known: { readonly source: string; readonly counter: Promise<TokenCounter> } | null = null;
  return async (content, { tokenizer, contextLength }) => {
    const source = JSON.stringify(tokenizer);
    if (known?.source !== source) {
      known = { source, counter: openTokenCounter(tokenizer) };
      known.counter.catch(() => {
        known = null;
      });
    }
    const most = Math.max(1, Math.min(maxTokens, contextLength - SURROUNDING_TOKENS));
    const options = { maxTokens: most, overlapTokens: Math.min(overlapTokens, Math.floor(most / 2)) };
    return chunkText(content, await known.counter, options);
  };
}
