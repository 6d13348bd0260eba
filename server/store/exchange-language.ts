// Which language an exchange is in, as PostgreSQL names it: its words are then searched in their other forms, too.
import type { Logger } from '../log.js';
import type { LanguageOf } from './exchange-row.js';

/** Enough to be sure, and a tenth of a millisecond's work. */
const READ_CHARACTERS = 1_000;

/** By ISO 639-1, of PostgreSQL 14 and later; Malay and Indonesian are hardly told apart, and share their word forms. */
const CONFIGURATIONS: Readonly<Record<string, string>> = {
  ar: 'arabic',
  ca: 'catalan',
  da: 'danish',
  de: 'german',
  el: 'greek',
  en: 'english',
  es: 'spanish',
  eu: 'basque',
  fi: 'finnish',
  fr: 'french',
  hi: 'hindi',
  hu: 'hungarian',
  hy: 'armenian',
  it: 'italian',
  lt: 'lithuanian',
  ms: 'indonesian',
  nl: 'dutch',
  no: 'norwegian',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sr: 'serbian',
  sv: 'swedish',
  ta: 'tamil',
  tr: 'turkish',
};
/** For a language whose word forms PostgreSQL does not know. */
const UNKNOWN_FORMS = 'simple';

/** Loads the detector: a fifth of a second, and 60 MB. */
const loadDetector = async (): Promise<typeof import('eld/extrasmall').default> =>
  (await import('eld/extrasmall')).default;

/**
 * Without the detector every text is in the fallback: a module that failed to load once, as on a disk that did not
 * answer, fails for good in this process, and no exchange may wait for that.
 * @param fallback for texts too short or too odd to be sure of
 */
export async function createLanguageOf(
  fallback: string,
  logger: Logger,
  load = loadDetector,
): Promise<LanguageOf> {
  const detector = await load().catch((error: unknown) => {
    logger.warn(`Languages are not told apart until the next start; exchanges are taken for ${fallback}.`, {
      error: String(error),
    });
    return null;
  });
  if (detector === null) return () => fallback;
  return ({ prompt, response }) => {
    const text = `${prompt.slice(0, READ_CHARACTERS)}\n${response.slice(0, READ_CHARACTERS)}`;
    const detected = detector.detect(text);
    if (!detected.isReliable()) return fallback;
    return CONFIGURATIONS[detected.language] ?? UNKNOWN_FORMS;
  };
}
