// System D's documents on the wire: bodies, queries and answers of /api/v1/documents.
import { z } from 'zod';
import { wholeNumberSchema } from './query-number.js';

const MAX_DOCUMENTS = 1_000;
const MAX_METADATA_CHARACTERS = 65_536;
const MAX_QUERY_CHARACTERS = 1_000;
const MAX_LIMIT = 100;
const MAX_OFFSET = 10_000;
const DEFAULT_LIMIT = 20;

const metadataSchema = z
  .record(z.string(), z.unknown())
  .refine(value => JSON.stringify(value).length <= MAX_METADATA_CHARACTERS, {
    error: `must be at most ${MAX_METADATA_CHARACTERS} characters of JSON`,
  });

export const addBodySchema = z
  .strictObject({
    documents: z
      .array(z.string().refine(text => text.trim() !== '', 'must not be blank'))
      .min(1, 'must not be empty')
      .max(MAX_DOCUMENTS)
      .describe('The texts. All of them are kept, or none.'),
    metadatas: z
      .array(metadataSchema)
      .max(MAX_DOCUMENTS)
      .optional()
      .describe('A JSON object for each text, in the same order; it comes back with what is found.'),
  })
  .refine(({ documents, metadatas }) => metadatas === undefined || metadatas.length === documents.length, {
    error: 'must have as many items as "documents"',
    path: ['metadatas'],
  });

/** Of an upload, whose texts are files. */
export const metadatasSchema = z.object({ metadatas: z.array(metadataSchema) });

export const uploadBodySchema = z.object({
  files: z
    .array(z.file().meta({ type: 'string', format: 'binary' }))
    .min(1)
    .describe('The files, by this field each; text, Markdown, HTML, PDF and Word (.docx).'),
  metadatas: z.string().optional().describe('A JSON list with an object for each file, in the same order.'),
});

const id = z.string().describe('The id of the document.');
const count = z.int().min(0);

export const addAnswerSchema = z.strictObject({
  ids: z.array(z.string()).describe('In the order of the texts.'),
  added: count.describe('How many of them are new.'),
  documents: z.array(
    z.strictObject({
      id,
      status: z
        .enum(['added', 'duplicate'])
        .describe('A text that was kept already keeps its id, metadata and file name.'),
      chunks: count.describe('Stretches it was cut into.'),
      filename: z.string().optional().describe('Of an uploaded file.'),
      characters: count.optional().describe("Of an uploaded file's text."),
    }),
  ),
});

/** One word of a query string, as text: a number with at most six decimals. */
const thresholdSchema = z
  .string()
  .regex(/^-?(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/, 'must be a number from -1 to 1')
  .transform(Number);

export const searchQuerySchema = z
  .strictObject({
    query: z
      .string({ error: issue => (issue.input === undefined ? 'Missing query' : 'must be given once') })
      .max(MAX_QUERY_CHARACTERS, `must be at most ${MAX_QUERY_CHARACTERS} characters`)
      .refine(text => text.trim() !== '', 'must not be blank')
      .refine(text => text.isWellFormed() && !text.includes('\0'), 'holds a NUL or half a surrogate pair')
      .describe('A question; by words also "a phrase", or, -not.'),
    top_k: wholeNumberSchema(1, MAX_LIMIT).optional().describe('Default: TOP_K_RESULTS.'),
    mode: z
      .enum(['hybrid', 'semantic', 'text'])
      .default('hybrid')
      .describe('By meaning, by words, or both rankings fused.'),
    threshold: thresholdSchema
      .optional()
      .describe(
        'Leaves out what is less similar, from -1 to 1; without it all are shown with their similarity.',
      ),
  })
  .refine(({ mode, threshold }) => mode !== 'text' || threshold === undefined, {
    error: 'has no place beside "mode" text, which knows no similarity',
    path: ['threshold'],
  });

export type SearchQuery = z.output<typeof searchQuerySchema>;

const metadata = z.record(z.string(), z.unknown()).describe('The JSON object that came with it.');

export const searchAnswerSchema = z.strictObject({
  query: z.string(),
  mode: z.enum(['hybrid', 'semantic', 'text']),
  results: z
    .array(
      z.strictObject({
        document_id: z.string(),
        filename: z.string().nullable(),
        chunk: count.describe('Which stretch of the document, from 0.'),
        start: count.describe('Offset in the document, in UTF-16 code units.'),
        end: count,
        text: z.string(),
        score: z
          .number()
          .describe('What it is ranked by: the similarity, how its words match, or both places fused.'),
        similarity: z.number().nullable().describe('Cosine of its vector and the question’s; null by words.'),
        metadata,
      }),
    )
    .describe('The best first.'),
});

export const listQuerySchema = z.strictObject({
  limit: wholeNumberSchema(1, MAX_LIMIT).default(DEFAULT_LIMIT).describe('Documents a page.'),
  offset: wholeNumberSchema(0, MAX_OFFSET).default(0).describe('Documents to skip.'),
});

const summaryFields = {
  id,
  filename: z.string().nullable().describe('Of an uploaded file.'),
  media_type: z.string(),
  metadata,
  characters: count.describe('UTF-16 code units of its text.'),
  chunks: count,
  created_at: z.iso.datetime(),
};

export const listAnswerSchema = z.strictObject({
  items: z.array(z.strictObject(summaryFields)).describe('Newest first.'),
  total: count,
  limit: count,
  offset: count,
});

export const documentSchema = z.strictObject({ ...summaryFields, content: z.string() });

export const documentPathSchema = z.strictObject({
  id: z.uuid('must be the id of a document').describe('The id of the document.'),
});

export interface Summary {
  readonly id: string;
  readonly filename: string | null;
  readonly mediaType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly characters: number;
  readonly chunks: number;
  readonly createdAt: Date;
}

export function toWireSummary(document: Summary) {
  return {
    id: document.id,
    filename: document.filename,
    media_type: document.mediaType,
    metadata: document.metadata,
    characters: document.characters,
    chunks: document.chunks,
    created_at: document.createdAt.toISOString(),
  };
}

export interface Hit {
  readonly documentId: string;
  readonly filename: string | null;
  readonly position: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly score: number;
  readonly similarity: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function toWireHit(hit: Hit) {
  return {
    document_id: hit.documentId,
    filename: hit.filename,
    chunk: hit.position,
    start: hit.start,
    end: hit.end,
    text: hit.text,
    score: hit.score,
    similarity: hit.similarity,
    metadata: hit.metadata,
  };
}

export interface Added {
  readonly id: string;
  readonly isNew: boolean;
  readonly chunks: number;
}

/** `files` of an upload, in the same order. */
export function toAddAnswer(
  added: readonly Added[],
  files: readonly { readonly filename: string; readonly characters: number }[] = [],
) {
  return {
    ids: added.map(({ id: each }) => each),
    added: added.filter(({ isNew }) => isNew).length,
    documents: added.map(({ id: each, isNew, chunks }, index) => ({
      id: each,
      status: isNew ? 'added' : 'duplicate',
      chunks,
      ...files[index],
    })),
  };
}
