// Exchanges for the search's measurement, the same ones on every machine: words by Zipf's law, several languages, lengths
// as chats have them. Knows no database.

/** @typedef {{ share: number, config: string, stop: readonly string[], endings: readonly string[] }} Language */
/**
 * @typedef {object} Row as the log's follower would insert it
 * @property {string} id UUIDv7
 * @property {string} endedAt
 * @property {string} line
 * @property {string} prompt
 * @property {string} response
 * @property {string} language
 */

const SEED = 20_261_121;
const WORDS = 40_000;
/** Of a text's words, about as many as in real ones. */
const STOP_SHARE = 0.42;
const FIRST_MS = Date.UTC(2026, 0, 1);
const GAP_MS = 20_000;

/** @type {Readonly<Record<string, Language>>} */
const LANGUAGES = {
  english: {
    share: 0.7,
    config: 'english',
    stop: 'the of and a to in is that it for was on as with be by at this are from or have an not which you their can'.split(
      ' ',
    ),
    endings: ['', '', '', 's', 'ing', 'ed', 'er', 'ly', 'ation'],
  },
  german: {
    share: 0.12,
    config: 'german',
    stop: 'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass'.split(
      ' ',
    ),
    endings: ['', '', 'e', 'en', 'er', 'ung', 'lich', 'keit'],
  },
  french: {
    share: 0.09,
    config: 'french',
    stop: 'de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son'.split(
      ' ',
    ),
    endings: ['', '', 'e', 'es', 'ment', 'tion', 'eur', 'ait'],
  },
  spanish: {
    share: 0.09,
    config: 'spanish',
    stop: 'de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha'.split(
      ' ',
    ),
    endings: ['', '', 'o', 'a', 'as', 'ción', 'mente', 'ando'],
  },
};

/** Mulberry32. @param {number} seed @returns {() => number} numbers from 0 to under 1 */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ONSETS = 'b c d f g h k l m n p r s t v w br cr dr fl gr pl pr sh sk sl st tr th'.split(' ');
const VOWELS = 'a e i o u ai ea ou'.split(' ');
const CODAS = ['', '', 'n', 'r', 'l', 's', 'm', 't', 'nd', 'st'];

/** The content words of one language, the commonest first. @param {string} name */
export function vocabulary(name) {
  const { endings } = LANGUAGES[name] ?? { endings: [''] };
  const random = createRandom(SEED + name.length * 7_919 + name.charCodeAt(0));
  /** @param {readonly string[]} list */
  const pick = list => list[Math.floor(random() * list.length)] ?? '';
  /** @type {Set<string>} */
  const words = new Set();
  while (words.size < WORDS) {
    const syllables = words.size < 400 ? 1 + Math.floor(random() * 2) : 2 + Math.floor(random() * 2);
    const stem = Array.from({ length: syllables }, () => pick(ONSETS) + pick(VOWELS) + pick(CODAS)).join('');
    if (stem.length > 2) words.add(stem + pick(endings));
  }
  return [...words];
}

/** Sums of 1/rank, to draw ranks by. */
const ZIPF = (() => {
  const sums = new Float64Array(WORDS);
  let sum = 0;
  for (let rank = 0; rank < WORDS; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return sums;
})();

/** @param {() => number} random */
function drawRank(random) {
  const wanted = random() * (ZIPF[WORDS - 1] ?? 0);
  let low = 0;
  let high = WORDS - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ZIPF[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {() => number} random @param {number} median @param {number} spread @param {number} most */
function drawLength(random, median, spread, most) {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(most, Math.max(3, Math.round(median * Math.exp(spread * normal))));
}

/** @type {Map<string, string[]>} */
const vocabularies = new Map();

/** @param {string} name */
function wordsOf(name) {
  const known = vocabularies.get(name) ?? vocabulary(name);
  vocabularies.set(name, known);
  return known;
}

/** @param {() => number} random @param {string} language @param {number} length in words */
function drawText(random, language, length) {
  const words = wordsOf(language);
  const { stop } = LANGUAGES[language] ?? { stop: [] };
  let text = '';
  let inSentence = 0;
  for (let index = 0; index < length; index++) {
    const word =
      random() < STOP_SHARE ? stop[Math.floor(random() ** 2 * stop.length)] : words[drawRank(random)];
    text += `${text === '' ? '' : ' '}${word}`;
    if (++inSentence > 6 && random() < 0.12) {
      text += random() < 0.2 ? '.\n' : '.';
      inSentence = 0;
    }
  }
  return text;
}

/** @param {() => number} random */
function drawLanguage(random) {
  let left = random();
  for (const [name, { share }] of Object.entries(LANGUAGES)) {
    left -= share;
    if (left < 0) return name;
  }
  return 'english';
}

/** UUIDv7 of a time and a number. @param {number} ms @param {number} index */
function toId(ms, index) {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
}

/** The row of a number from 0: always the same one. @param {number} index @returns {Row} */
export function exchangeRow(index) {
  const random = createRandom(SEED ^ Math.imul(index + 1, 2_654_435_761));
  const language = drawLanguage(random);
  const prompt = drawText(random, language, drawLength(random, 28, 0.9, 800));
  const response = drawText(random, language, drawLength(random, 120, 0.7, 1_500));
  const ms = FIRST_MS + index * GAP_MS;
  const id = toId(ms, index);
  const timestamp = new Date(ms).toISOString();
  const line = JSON.stringify({
    timestamp,
    prompt,
    response,
    id,
    status: 'completed',
    reason: 'stop',
    error: null,
    dialect: 'generate',
    caller: null,
    model: { id: 'smollm2-135m-instruct', digest: 'sha256:bench' },
    engine: 'batched',
    numerics: 'int8',
    input: null,
    parameters: {
      max_tokens: 300,
      temperature: 0.7,
      top_p: 0.95,
      top_k: 0,
      min_p: 0,
      typical_p: 1,
      repetition_window: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      seed: index,
      stop: [],
      logprobs: null,
      logit_bias: {},
      constraint: null,
    },
    usage: { prompt_tokens: prompt.length >> 2, cached_tokens: 0, completion_tokens: response.length >> 2 },
    timings: { queue_ms: 1.5, prefill_ms: 12.5, decode_ms: 812.25 },
    request_id: id,
  });
  return {
    id,
    endedAt: timestamp,
    line,
    prompt,
    response,
    language: LANGUAGES[language]?.config ?? language,
  };
}
