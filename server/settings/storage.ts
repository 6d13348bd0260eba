// The log of exchanges and the database beside it.
import { z } from 'zod';
import { file, type Setting, whole } from './setting.js';

/** PostgreSQL's text search configurations, in every version since 15. */
const LANGUAGES = [
  'simple',
  'arabic',
  'armenian',
  'basque',
  'catalan',
  'danish',
  'dutch',
  'english',
  'estonian',
  'finnish',
  'french',
  'german',
  'greek',
  'hindi',
  'hungarian',
  'indonesian',
  'irish',
  'italian',
  'lithuanian',
  'nepali',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'serbian',
  'spanish',
  'swedish',
  'tamil',
  'turkish',
  'yiddish',
] as const;

export const storageSettings = {
  MINIVAULT_LOG_FILE: { schema: file(), fallback: 'logs/log.jsonl', about: 'Where exchanges are appended.' },
  MINIVAULT_LOG_MAX_BYTES: {
    schema: whole(1_024, 1e12),
    fallback: String(64 * 1024 * 1024),
    about: 'Size at which the log is rotated to a numbered file; nothing is deleted by that.',
  },
  MINIVAULT_LOG_FSYNC: {
    schema: z.enum(['everysec', 'always', 'no'], 'everysec, always or no'),
    fallback: 'everysec',
    about:
      'When the log is forced to disk: at most one second late, before each answer ends, or when the system likes.',
  },
  MINIVAULT_RETENTION_DAYS: {
    schema: whole(1, 100_000),
    fallback: null,
    about:
      'Age at which exchanges are erased from log and database, looked at every hour; unset, they are kept for ever.',
  },
  MINIVAULT_RETENTION_MAX_BYTES: {
    schema: whole(1_024, 1e15),
    fallback: null,
    about:
      'Size of all files of the log above which the oldest exchanges are erased, from the database, too; unset, any size.',
  },
  DATABASE_URL: {
    schema: z.string().regex(/^postgres(?:ql)?:\/\/\S+$/, 'postgresql://user:password@host:5432/name'),
    fallback: null,
    about: 'PostgreSQL that holds history and documents; unset, one embedded in the data folder does.',
    secret: true,
  },
  MINIVAULT_VAULT: {
    schema: z.enum(['on', 'off'], 'on or off'),
    fallback: 'on',
    about:
      'Whether exchanges are also put into the database for history, search and documents; the log is written in any case.',
  },
  MINIVAULT_LANGUAGE: {
    schema: z.enum(LANGUAGES, `one of ${LANGUAGES.join(', ')}`),
    fallback: 'english',
    about: 'Language whose word forms search knows: PostgreSQL has 29, and `simple` for none.',
  },
} as const satisfies Record<string, Setting>;
