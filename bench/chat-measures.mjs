// What only a chat shows: how soon its second turn is answered, and what a long prompt costs those already reading.
import { median } from './statistics.mjs';

/** @typedef {import('./running-system.mjs').RunningSystem} RunningSystem */
/** @typedef {import('./http-load.mjs').Message} Message */

const TURN_TOKENS = 1_000;
const LONG_TOKENS = 1_500;
const CHATS = 3;
/** To some texts the model has nothing to say. */
const MOST_CHATS = 12;
const READERS = 4;
/** Of each reader, before the long prompt comes. */
const EARLIER_TOKENS = 24;
const READER_TOKENS = 400;
const LIMIT_MS = 30_000;
const NUMBERED_WORDS = ['lamp', 'table', 'garden', 'river', 'engine', 'letter', 'window', 'street'];

/**
 * A text of about so many tokens, and no beginning of it like that of another seed.
 * @param {number} tokens @param {number} seed
 */
export function makeText(tokens, seed) {
  const words = [`Story ${seed}.`];
  // Each of these words is one token of the packaged model.
  for (let index = 0; index < tokens; index++) {
    words.push(NUMBERED_WORDS[(index * index + seed * 7 + index) % NUMBERED_WORDS.length] ?? '');
  }
  return words.join(' ');
}

/**
 * @param {RunningSystem} running a gateway that speaks OpenAI's chat format
 * @returns {Promise<import('./turn.mjs').ChatFigures>}
 */
export async function measureChat(running) {
  try {
    const ratios = [];
    for (let chat = 0; ratios.length < CHATS; chat++) {
      if (chat === MOST_CHATS) throw new Error(`of ${MOST_CHATS} chats too few had a text in both turns`);
      const ratio = await secondTurnRatio(running, chat);
      if (ratio !== null) ratios.push(ratio);
    }
    return { secondTurnRatio: median(ratios), longPromptGapRatio: await longPromptGapRatio(running) };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { secondTurnRatio: null, longPromptGapRatio: null, fault };
  }
}

/** Null when a turn had no text. @param {RunningSystem} running @param {number} seed */
async function secondTurnRatio(running, seed) {
  /** @type {Message[]} */
  const messages = [{ role: 'user', content: `${makeText(TURN_TOKENS, seed)}\nWhat is this about?` }];
  const first = await ask(running, messages, 16);
  messages.push({ role: 'assistant', content: first.text }, { role: 'user', content: 'Say more about it.' });
  const second = await ask(running, messages, 16);
  const [firstMs, secondMs] = [first.times[0], second.times[0]];
  return firstMs === undefined || secondMs === undefined ? null : secondMs / firstMs;
}

/**
 * The longest gap that running streams see while a long prompt enters, in ordinary gaps.
 * @param {RunningSystem} running
 */
async function longPromptGapRatio(running) {
  const beganMs = performance.now();
  const leave = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(LIMIT_MS), leave.signal]);
  /** @type {number[][]} */
  const times = Array.from({ length: READERS }, () => []);
  let allRead = () => {};
  /** @type {Promise<void>} */
  const reading = new Promise(resolve => {
    allRead = resolve;
  });
  const readers = Promise.all(
    times.map((own, seed) => {
      const content = `Write a very long and detailed story about house number ${seed}.`;
      const onText = () => {
        own.push(performance.now() - beganMs);
        if (times.every(({ length }) => length >= EARLIER_TOKENS)) allRead();
      };
      return ask(running, [{ role: 'user', content }], READER_TOKENS, { signal, onText });
    }),
  );
  try {
    await Promise.race([reading, readers]);
    const enteredMs = performance.now() - beganMs;
    const content = `${makeText(LONG_TOKENS, CHATS)}\nWhat is this about?`;
    await ask(running, [{ role: 'user', content }], 1, { signal });
    const answeredMs = performance.now() - beganMs;
    const gaps = times.flatMap(toGaps);
    const ordinary = median(gaps.filter(({ end }) => end < enteredMs).map(({ ms }) => ms));
    const during = gaps.filter(({ start, end }) => end >= enteredMs && start <= answeredMs);
    return ordinary === null || during.length === 0
      ? null
      : Math.max(...during.map(({ ms }) => ms)) / ordinary;
  } finally {
    leave.abort();
    await readers;
  }
}

/**
 * @param {RunningSystem} running @param {readonly Message[]} messages @param {number} maxTokens
 * @param {{ signal?: AbortSignal, onText?: () => void }} [options]
 */
function ask(running, messages, maxTokens, { signal = AbortSignal.timeout(LIMIT_MS), ...options } = {}) {
  const beganMs = performance.now();
  return running.ask({ messages, maxTokens }, { dialect: 'openai', beganMs, signal, ...options });
}

/** @param {readonly number[]} times */
function toGaps(times) {
  return times.slice(1).map((end, index) => {
    const start = times[index] ?? end;
    return { start, end, ms: end - start };
  });
}
