import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../log.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { sampleExchange } from '../testing/sample-exchange.js';
import { createLanguageOf } from './exchange-language.js';
import type { LanguageOf } from './exchange-row.js';

let languageOf: LanguageOf;
beforeAll(async () => {
  languageOf = await createLanguageOf('fallback', silentLogger());
});

describe("an exchange's language", () => {
  it.each([
    ['english', 'How do I undo the last git commit?', 'Run git reset --soft HEAD~1; your changes stay.'],
    ['german', 'Wie spät ist es in Lima?', 'Das hängt von der Jahreszeit ab.'],
    ['french', 'Quelle est la capitale du Pérou ?', 'La capitale du Pérou est Lima.'],
    ['spanish', '¿Cuál es la capital de Perú?', 'La capital de Perú es Lima.'],
    ['russian', 'Какая столица Перу?', 'Столица Перу — Лима.'],
    ['indonesian', 'Tulis puisi tentang laut', 'Laut biru membentang luas di depan mata.'],
    [
      'german',
      'Translate to German: the weather is fine today',
      'Das Wetter ist heute schön, und die Sonne scheint über den Bergen.',
    ],
    [
      'simple',
      'Dlaczego niebo jest niebieskie?',
      'Ponieważ cząsteczki powietrza rozpraszają światło niebieskie mocniej niż czerwone.',
    ],
  ])('is %s', (language, prompt, response) => {
    expect(languageOf(sampleExchange({ prompt, response }))).toBe(language);
  });

  it.each([
    ['', ''],
    ['hi', 'ok'],
    ['1 + 1', '2'],
    ['\0\ud800', '👋👋👋'],
  ])('is left open by %j and %j', (prompt, response) => {
    expect(languageOf(sampleExchange({ prompt, response }))).toBe('fallback');
  });

  it('is the fallback for all, said once, when the detector cannot be loaded', async () => {
    const { logger, entries } = recordingLogger();
    const withoutDetector = await createLanguageOf('fallback', logger, () =>
      Promise.reject(new Error('EIO')),
    );
    const exchange = sampleExchange({ prompt: 'Wie spät ist es in Lima?', response: 'Das hängt davon ab.' });
    expect(withoutDetector(exchange)).toBe('fallback');
    expect(withoutDetector(exchange)).toBe('fallback');
    expect(entries.map(({ level }) => level)).toEqual(['warn']);
  });
});
