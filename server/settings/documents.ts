// Documents: how they are cut, how large they may be, and which of them ground an answer.
import { z } from 'zod';
import { type Setting, whole } from './setting.js';

export const documentsSettings = {
  TOP_K_RESULTS: {
    schema: whole(1, 100),
    fallback: '5',
    about: 'How many stretches of documents are found for a question, unless it says otherwise.',
  },
  SIMILARITY_THRESHOLD: {
    schema: z
      .string()
      .regex(/^(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/, 'a number from 0 to 1')
      .transform(Number),
    fallback: '0.7',
    about: 'Similarity, the cosine of two vectors, that a stretch of a document needs to ground an answer.',
  },
  MINIVAULT_CHUNK_TOKENS: {
    schema: whole(16, 8_000),
    fallback: '200',
    about:
      'Tokens of the embedder that a stretch of a document has at most, never more than the embedder takes; what is kept already stays as it was cut.',
  },
  MINIVAULT_CHUNK_OVERLAP_TOKENS: {
    schema: whole(0, 4_000),
    fallback: '40',
    about: 'Tokens, in whole sentences, that a stretch repeats of the one before; half a stretch at most.',
  },
  MINIVAULT_DOCUMENT_MAX_CHARACTERS: {
    schema: whole(1, 10_000_000),
    fallback: '1000000',
    about: 'Longest text of one document, in UTF-16 code units; a longer one is refused with 413.',
  },
  MINIVAULT_DOCUMENTS_MAX_BYTES: {
    schema: whole(1_024, 1e9),
    fallback: String(16 * 1024 * 1024),
    about: 'Largest body that brings documents, as JSON or as files.',
  },
  MINIVAULT_PARSE_TIMEOUT_MS: {
    schema: whole(100, 1e9),
    fallback: '30000',
    about: 'Longest time that the text of one uploaded file may take to be read out of it.',
  },
} as const satisfies Record<string, Setting>;
