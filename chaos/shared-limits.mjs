// Two gateways that count in one Redis, and crowds that ask both at once: for G17, and in short for `npm test`.
import { Agent, request } from 'node:http';
import path from 'node:path';
import { startGateway } from './gateway.mjs';
import { RedisServer, startRedis } from './redis-server.mjs';

export const LIMIT = 100;
const ASKERS = 500;
const ROUTE = '/generate';
const BODY = JSON.stringify({ prompt: 'hello', max_tokens: 1 });
/** Of other requests, as looking at /health, there may be any number. */
const ANY = '100000';
/** How long an answer from Redis may take here: of a machine that is busy with this, 50 ms would be no verdict on it. */
const PATIENT_MS = 5_000;

/** @typedef {import('./gateway.mjs').Gateway} Gateway */
/** @typedef {{ admitted: number, refused: number, others: string[] }} Crowd */

/**
 * Both listen, and count in this Redis.
 * @param {string} folder @param {string} redisUrl @returns {Promise<Gateway[]>}
 */
export async function startPair(folder, redisUrl) {
  const pair = await Promise.all(
    ['one', 'other'].map(name =>
      startGateway({
        folder: path.join(folder, name),
        hasVault: false,
        plan: { slots: 16, tokens: 1 },
        env: {
          RATE_LIMIT_ENABLED: 'true',
          RATE_LIMIT_REQUESTS: String(LIMIT),
          RATE_LIMIT_OTHER_REQUESTS: ANY,
          RATE_LIMIT_WINDOW_SECONDS: '3600',
          REDIS_URL: redisUrl,
          MINIVAULT_REDIS_TIMEOUT_MS: String(PATIENT_MS),
          MINIVAULT_TRUST_PROXY: '127.0.0.1',
        },
      }),
    ),
  );
  for (const gateway of pair) {
    await gateway.ready();
    await gateway.until('counting in Redis', ({ limits }) => limits.store === 'redis');
  }
  return pair;
}

/** @param {string} url @param {string} address @param {Agent} agent @returns {Promise<string>} its status, or how it broke */
function askOnce(url, address, agent) {
  return new Promise(resolve => {
    const headers = { 'X-Forwarded-For': address, 'Content-Type': 'application/json' };
    const call = request(`${url}${ROUTE}`, { method: 'POST', agent, headers }, response => {
      response.resume();
      response.on('close', () => resolve(response.complete ? String(response.statusCode) : 'cut'));
    });
    call.on('error', error => resolve(error.message)).end(BODY);
  });
}

/**
 * 500 at once from one address, half to each gateway.
 * @param {readonly Gateway[]} pair @param {string} address @param {() => void} [midway] called when half of them have asked
 * @returns {Promise<Crowd>}
 */
export async function crowd(pair, address, midway = () => {}) {
  const urls = await Promise.all(pair.map(gateway => gateway.url));
  const agent = new Agent({ keepAlive: true, maxSockets: ASKERS });
  /** @type {Promise<string>[]} */
  const asked = [];
  for (let i = 0; i < ASKERS; i++) {
    asked.push(askOnce(urls[i % urls.length] ?? '', address, agent));
    if (i === ASKERS / 2) midway();
  }
  const answers = await Promise.all(asked);
  agent.destroy();
  return {
    admitted: answers.filter(answer => answer === '200').length,
    refused: answers.filter(answer => answer === '429').length,
    others: answers.filter(answer => answer !== '200' && answer !== '429'),
  };
}

/** @param {readonly Gateway[]} pair @returns {Promise<number>} requests that gateways counted by themselves */
async function fallbacks(pair) {
  const all = await Promise.all(pair.map(async gateway => (await gateway.health()).limits.redis.fallbacks));
  return all.reduce((sum, count) => sum + count, 0);
}

/**
 * Crowds from an address each, while Redis is there: exactly as many are let in as may be.
 * @param {readonly Gateway[]} pair @param {number} runs
 * @returns {Promise<{ faults: string[], requests: number }>}
 */
export async function countTogether(pair, runs) {
  /** @type {string[]} */
  const faults = [];
  const before = await fallbacks(pair);
  for (let run = 1; run <= runs; run++) {
    const { admitted, refused, others } = await crowd(pair, `198.51.100.${run}`);
    if (admitted !== LIMIT || refused !== ASKERS - LIMIT || others.length > 0) {
      faults.push(`run ${run}: ${admitted} let in, ${refused} refused, others: ${others.join(', ')}`);
    }
  }
  const alone = (await fallbacks(pair)) - before;
  if (alone > 0) faults.push(`Redis was there, and ${alone} requests were not counted in it`);
  return { faults, requests: runs * ASKERS };
}

/**
 * Crowds while Redis is killed among them: nobody gets an error, and a gateway alone lets in no more than it may. Then
 * it is started again, and they count together again.
 * @param {readonly Gateway[]} pair @param {RedisServer} redis @param {number} runs
 * @returns {Promise<{ faults: string[], requests: number, admitted: number }>} the most that a crowd got through both
 */
export async function countThroughDeath(pair, redis, runs) {
  /** @type {string[]} */
  const faults = [];
  let most = 0;
  for (let run = 1; run <= runs; run++) {
    /** @type {Promise<void>} */
    let killed = Promise.resolve();
    const { admitted, others } = await crowd(pair, `203.0.113.${run}`, () => {
      killed = redis.kill();
    });
    await killed;
    most = Math.max(most, admitted);
    if (others.length > 0) faults.push(`killed, run ${run}: ${others.length} got ${others[0]}`);
    if (admitted > pair.length * LIMIT) faults.push(`killed, run ${run}: ${admitted} let in`);
    if (admitted < LIMIT) faults.push(`killed, run ${run}: only ${admitted} let in`);
    await redis.start();
    for (const gateway of pair) {
      await gateway.until('counting in Redis again', ({ limits }) => limits.store === 'redis');
    }
  }
  return { faults, requests: runs * ASKERS, admitted: most };
}

/**
 * All of it, with gateways and a Redis of its own.
 * @param {{ folder: string, runs: number, deaths: number, say?: (line: string) => void }} options
 */
export async function tryShared({ folder, runs, deaths, say = () => {} }) {
  const redis = await startRedis();
  const pair = await startPair(folder, redis.url);
  try {
    const together = await countTogether(pair, runs);
    say(`${runs} crowds of ${ASKERS} with Redis`);
    const alone = await countThroughDeath(pair, redis, deaths);
    say(`${deaths} crowds while it was killed`);
    return {
      tried: runs + deaths,
      requests: together.requests + alone.requests,
      admittedAlone: alone.admitted,
      faults: [...together.faults, ...alone.faults],
    };
  } finally {
    await Promise.all(pair.map(gateway => gateway.stop()));
    await redis.kill();
  }
}
