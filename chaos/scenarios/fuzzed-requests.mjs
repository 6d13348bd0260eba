// G5: requests that are wrong in every way one could think of, to every POST route, and bytes that are no requests at
// all. None of them may cost more than its own answer.
import { Agent, request } from 'node:http';
import { CLIENT_ID, drawRequest, postRoutes } from '../fuzzed-requests.mjs';
import { startGateway } from '../gateway.mjs';
import { exchange, faultOf, readAnswers } from '../raw-exchange.mjs';
import { drawHead } from '../raw-heads.mjs';

export const goal = 'G5';
export const title =
  'fuzzed bodies for all POST routes, and raw heads: smuggling, bad chunks, garbage, cut off';

const BODIES = { full: 10_000, short: 600 };
const HEADS = { full: 2_000, short: 200 };
const CLIENTS = 8;
const LONGEST_MS = 2_000;
/** Anything may be late, or cut, because the machine is busy: what hangs does so twice more, alone. */
const PATIENCE_MS = 20_000;

/** @typedef {import('../fuzzed-requests.mjs').FuzzedRequest} FuzzedRequest */
/** @typedef {{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string, ms: number }} Answered */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const gateway = await startGateway({
    folder,
    databaseUrl,
    plan: { slots: 16, tokens: 8, tool_format: 'hermes' },
    env: { MINIVAULT_MODEL_ALIASES: '*', MINIVAULT_QUEUE_MAX_WAITING: '5000' },
  });
  const url = await gateway.url;
  await gateway.ready();
  const { pid } = gateway;
  const listener = request(`${url}/api/v1/chat/stream/${CLIENT_ID}`, response => response.resume()).on(
    'error',
    () => {},
  );
  listener.end();

  /** @type {string[]} */
  const faults = [];
  /** @type {Map<number, number>} */
  const statuses = new Map();
  const count = (/** @type {number} */ status) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const slowest = { ms: 0 };

  const routes = postRoutes(JSON.parse((await gateway.get('/openapi.json')).body));
  const again = await fuzzBodies({
    gateway,
    url,
    routes,
    random,
    total: BODIES[scale],
    faults,
    count,
    slowest,
    say,
  });
  await fuzzHeads({ url, random, total: HEADS[scale], faults, count, slowest });

  listener.destroy();
  const { worker: after } = await gateway.until('at rest', ({ queue, worker: { running } }) => {
    return queue.running + queue.waiting + running === 0;
  });
  if (gateway.failure !== null || gateway.pid !== pid) faults.push(`the gateway died: ${gateway.failure}`);
  // It may have been unloaded, which is no death.
  if (after.last_exit !== null) faults.push(`the worker died: ${JSON.stringify(after.last_exit)}`);
  await gateway.stop();
  const of = (/** @type {(status: number) => boolean} */ holds) =>
    [...statuses].reduce((sum, [status, times]) => sum + (holds(status) ? times : 0), 0);
  return {
    tried: BODIES[scale] + HEADS[scale],
    failed: faults.length,
    faults,
    figures: {
      routes: routes.length,
      answered: of(status => status < 400),
      'refused with 4xx': of(status => status >= 400 && status < 500),
      '5xx': of(status => status >= 500),
      'asked again, since the machine was busy': again,
      'slowest answer': `${Math.round(slowest.ms)} ms`,
      deaths: faults.filter(fault => fault.includes('died')).length,
    },
  };
}

/**
 * @param {object} options
 * @param {import('../gateway.mjs').Gateway} options.gateway
 * @param {string} options.url
 * @param {readonly import('../fuzzed-requests.mjs').Route[]} options.routes
 * @param {import('../random.mjs').Random} options.random
 * @param {number} options.total
 * @param {string[]} options.faults
 * @param {(status: number) => void} options.count
 * @param {{ ms: number }} options.slowest
 * @param {(line: string) => void} options.say
 */
async function fuzzBodies({ gateway, url, routes, random, total, faults, count, slowest, say }) {
  const known = await makeExchange(gateway, url);
  let drawn = 0;
  /** @type {FuzzedRequest[]} */
  const late = [];
  const settle = (/** @type {FuzzedRequest} */ sent, /** @type {Answered} */ answer) => {
    count(answer.status);
    const fault = judge(answer);
    if (fault !== null) faults.push(`${fault} to ${spell(sent)}`);
  };
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (drawn < total) {
      drawn += 1;
      if (drawn % 2_000 === 0) say(`${drawn} of ${total} bodies`);
      const sent = drawRequest(routes, random, () => known);
      const answer = await send(url, sent, agent, PATIENCE_MS);
      slowest.ms = Math.max(slowest.ms, answer.ms);
      if (mayBeTheMachines(answer)) late.push(sent);
      else settle(sent, answer);
      if (gateway.failure !== null) break;
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  for (const sent of late) {
    let answer = await send(url, sent, false, PATIENCE_MS);
    if (mayBeTheMachines(answer)) answer = await send(url, sent, false, PATIENCE_MS);
    if (answer.ms > LONGEST_MS) faults.push(`it hangs: ${Math.round(answer.ms)} ms for ${spell(sent)}`);
    settle(sent, answer);
  }
  return late.length;
}

/** Late, cut, or told to come again. @param {Answered} answer */
function mayBeTheMachines({ status, ms }) {
  return status === 0 || status === 503 || ms > LONGEST_MS;
}

/** One that the routes of the history will find. @param {import('../gateway.mjs').Gateway} gateway @param {string} url */
async function makeExchange(gateway, url) {
  const body = Buffer.from('{"prompt":"to be asked again"}');
  const sent = { path: '/generate', headers: { 'Content-Type': 'application/json' }, body, mutations: [] };
  const { headers } = await send(url, sent, false, PATIENCE_MS);
  await gateway.until('in the database', ({ vault }) => vault.behind_bytes === 0);
  return String(headers['x-exchange-id']);
}

/** @param {Answered} answer */
function judge({ status, headers, body }) {
  if (status === 0) return `no answer: ${body}`;
  const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return faultOf({ status, headers: plain, body: Buffer.from(body).toString('latin1') });
}

/** @param {FuzzedRequest} sent */
function spell({ path, mutations, body }) {
  return `${path.slice(0, 80)} (${mutations.join(', ') || 'not mutated'}): ${body.subarray(0, 300).toString()}`;
}

/**
 * Never rejects: status 0 is no whole answer.
 * @param {string} url @param {FuzzedRequest} sent @param {Agent | false} agent @param {number} patienceMs
 * @returns {Promise<Answered>}
 */
function send(url, { path, headers, body }, agent, patienceMs) {
  return new Promise(resolve => {
    const beganMs = performance.now();
    const end = (/** @type {Omit<Answered, 'ms'>} */ answer) =>
      resolve({ ...answer, ms: performance.now() - beganMs });
    const call = request(`${url}${path}`, {
      method: 'POST',
      agent,
      headers: { ...headers, 'Content-Length': body.length },
    });
    call.setTimeout(patienceMs, () => call.destroy(new Error('it hung')));
    call.on('error', error => end({ status: 0, headers: {}, body: error.message }));
    call.on('response', response => {
      let text = '';
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk;
      });
      response.on('error', () => {});
      response.on('close', () =>
        end({
          status: response.complete ? (response.statusCode ?? 0) : 0,
          headers: response.headers,
          body: response.complete ? text : `cut after ${text.slice(-100)}`,
        }),
      );
    });
    call.end(body);
  });
}

/**
 * @param {object} options
 * @param {string} options.url
 * @param {import('../random.mjs').Random} options.random
 * @param {number} options.total
 * @param {string[]} options.faults
 * @param {(status: number) => void} options.count
 * @param {{ ms: number }} options.slowest
 */
async function fuzzHeads({ url, random, total, faults, count, slowest }) {
  const port = Number(new URL(url).port);
  let drawn = 0;
  /** @type {{ family: string, bytes: Buffer, options: Parameters<typeof exchange>[2] }[]} */
  const late = [];
  const client = async () => {
    while (drawn < total) {
      drawn += 1;
      const { family, bytes, isCut } = drawHead(random);
      // Nothing more will come: so that an answer need not wait for what a broken head has promised.
      const isHead = bytes.toString('latin1').startsWith('HEAD');
      const options = { halfClose: isCut, isHead, patienceMs: PATIENCE_MS };
      const got = await exchange(port, bytes, options);
      if (got.ms > LONGEST_MS) late.push({ family, bytes, options });
      slowest.ms = Math.max(slowest.ms, got.ms);
      const { answers, rest } = readAnswers(got.received, { isHead });
      const found = answers.map(answer => faultOf(answer, { isHead })).filter(fault => fault !== null);
      // An answer that its own half-closed client cut may stop anywhere.
      if (answers.length === 0 && !isCut)
        found.push(`no answer: ${got.isReset ? 'reset' : rest.slice(0, 100)}`);
      for (const { status } of answers) count(status);
      faults.push(
        ...found.map(
          fault => `${fault} to ${family}: ${JSON.stringify(bytes.subarray(0, 200).toString('latin1'))}`,
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  for (const { family, bytes, options } of late) {
    const isLate = async () => (await exchange(port, bytes, options)).ms > LONGEST_MS;
    if ((await isLate()) && (await isLate())) faults.push(`it hangs: ${family}: ${spellBytes(bytes)}`);
  }
}

/** @param {Buffer} bytes */
function spellBytes(bytes) {
  return JSON.stringify(bytes.subarray(0, 200).toString('latin1'));
}
