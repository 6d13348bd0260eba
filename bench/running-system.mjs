// A system under measurement, started and asked in the one way that suits it: over HTTP, or line by line in-process.
import { execFile } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child-process.mjs';
import { readStream } from './http-load.mjs';
import { makePrompts, toLoad } from './load.mjs';

/** @typedef {import('./load.mjs').Load} Load */
/** @typedef {import('./http-load.mjs').Stream} Stream */
/** @typedef {import('./http-load.mjs').Question} Question */
/** @typedef {{ clients: number, tokens: number, limitMs: number }} LoadPlan */
/** @typedef {import('./systems.mjs').System} System */
/** @typedef {import('./places.mjs').Places} Places */

const POLL_MS = 50;
/** How long after its limit a load may still take: a step that has begun ends first. */
const GRACE_MS = 45_000;

/**
 * @template T
 * @param {Promise<T>} work @param {number} limitMs @param {string} what
 * @returns {Promise<T>}
 * @throws {Error} when the time is over first
 */
export async function within(work, limitMs, what) {
  const timer = new AbortController();
  const over = sleep(limitMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} took over ${Math.round(limitMs / 1000)} s`);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    timer.abort();
    over.catch(() => {});
  }
}

export class RunningSystem {
  /** @type {((line: string) => void)[]} */
  #readers = [];

  /** @param {System} system @param {Places} places */
  constructor(system, places) {
    this.system = system;
    this.places = places;
    this.startedMs = performance.now();
    this.child = new Child(
      system.program(places),
      system.dialect === null ? { pipeInput: true, onLine: line => this.#readers.shift()?.(line) } : {},
    );
  }

  /**
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  #whileAlive(work) {
    const death = this.child.closed.then(() => {
      throw new Error(this.child.failure ?? 'it ended');
    });
    return Promise.race([work, death]);
  }

  /** @returns {Promise<number>} ms from its start until it said that it is ready */
  async ready() {
    const { system } = this;
    /** @type {Promise<unknown>} */
    const work = system.dialect === null ? this.#readLine() : this.#poll();
    await within(this.#whileAlive(work), system.startLimitMs, 'its start');
    return performance.now() - this.startedMs;
  }

  async #poll() {
    while (this.child.failure === null) {
      const answer = await fetch(`${this.places.url}${this.system.readyPath}`).catch(() => null);
      if (answer?.ok) return;
      await sleep(POLL_MS);
    }
  }

  /** @returns {Promise<string>} */
  #readLine() {
    return new Promise(resolve => this.#readers.push(resolve));
  }

  /**
   * All prompts at once, cut when the time is over.
   * @param {LoadPlan} plan
   * @returns {Promise<Load>}
   */
  async run(plan) {
    const work = this.system.dialect === null ? this.#runInProcess(plan) : this.#runOverHttp(plan);
    const streams = await within(this.#whileAlive(work), plan.limitMs + GRACE_MS, `${plan.clients} clients`);
    return toLoad(await this.#count(streams), plan);
  }

  /** @param {LoadPlan} plan @returns {Promise<Stream[]>} */
  async #runInProcess({ clients, tokens, limitMs }) {
    const line = this.#readLine();
    this.child.write(
      `${JSON.stringify({ prompts: makePrompts(clients), tokens, limit_s: limitMs / 1000 })}\n`,
    );
    const beganMs = performance.now();
    /** @type {{ times: number[][] }} */
    const { times: streams } = JSON.parse(await line);
    const isOver = performance.now() - beganMs >= limitMs;
    return streams.map(times => ({
      times,
      text: '',
      tokens: times.length,
      isCut: isOver && times.length < tokens,
    }));
  }

  /** @param {LoadPlan} plan @returns {Promise<Stream[]>} */
  #runOverHttp({ clients, tokens, limitMs }) {
    const beganMs = performance.now();
    const signal = AbortSignal.timeout(limitMs);
    setMaxListeners(0, signal);
    return Promise.all(
      makePrompts(clients).map(content =>
        this.ask({ messages: [{ role: 'user', content }], maxTokens: tokens }, { beganMs, signal }),
      ),
    );
  }

  /**
   * One question over HTTP, apart from any load.
   * @param {Omit<Question, 'model'>} question
   * @param {{ beganMs: number, signal: AbortSignal, onText?: () => void, dialect?: import('./http-load.mjs').Dialect }} options
   */
  ask(question, { dialect, ...options }) {
    return readStream({
      url: this.places.url,
      dialect: dialect ?? this.system.dialect ?? 'generate',
      question: { ...question, model: this.system.model(this.places) },
      ...options,
    });
  }

  /**
   * Tokens of the streams whose server did not count them, or was cut before it could.
   * @param {readonly Stream[]} streams
   */
  async #count(streams) {
    const texts = streams.filter(({ tokens }) => tokens === null).map(({ text }) => text);
    if (texts.length === 0) return streams;
    const counts = this.system.countTokens
      ? await countTokens(this.places, texts)
      : texts.map(text => text.split(' ').length);
    return streams.map(stream =>
      stream.tokens === null ? { ...stream, tokens: counts.shift() ?? 0 } : stream,
    );
  }

  async stop() {
    await this.child.stop();
  }
}

/**
 * @param {Places} places @param {readonly string[]} texts
 * @returns {Promise<number[]>}
 */
function countTokens({ python, peersDir, modelDir }, texts) {
  return new Promise((resolve, reject) => {
    const counter = execFile(python, [`${peersDir}/count_tokens.py`, modelDir], (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout));
    });
    counter.stdin?.end(JSON.stringify(texts));
  });
}
