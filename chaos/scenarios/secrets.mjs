// G18: keys and prompts that are marked, sent to every route in every form, good and bad, until the gateway has said and
// written all it has to say. Then everything it said and wrote is searched for the marks.
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import path from 'node:path';
import { ask } from '../client.mjs';
import { DIALECTS } from '../dialects.mjs';
import { startGateway } from '../gateway.mjs';
import { anything, Ledger } from '../ledger.mjs';

export const goal = 'G18';
export const title = 'marked keys and prompts to every route, then a search through all outputs';

const ROUNDS = { full: 5, short: 1 };
const DIST = new URL('../../dist/', import.meta.url);
const METHODS = ['get', 'post', 'delete', 'put', 'patch'];
/** Where the exchanges and the documents are kept: the one place for prompts. */
const KEPT = /^(?:log\.jsonl(?!\.lock)|vault\/)/;

/** @typedef {{ place: string, text: string }} Output */
/** @typedef {{ keys: Record<string, string>, prompt: string, url: string, outputs: Output[], random: import('../random.mjs').Random }} Sender */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say, databaseUrl = null }) {
  const home = path.join(folder, 'gateway');
  const mark = (/** @type {string} */ name) => `canary-${name}-${randomBytes(12).toString('hex')}`;
  const traces = await startCollector();
  const apiKey = mark('api-key');
  const prompt = mark('prompt');
  /** @type {Output[]} */
  const outputs = [];
  const gateway = await startGateway({
    folder: home,
    databaseUrl,
    plan: {
      slots: 8,
      tokens: 4,
      rules: [
        { match: 'RAISE', at: 2, do: 'raise' },
        { match: 'PRINT', at: 1, do: 'print' },
        { match: 'GARBAGE', at: 1, do: 'garbage' },
        { match: 'CRASH', at: 2, do: 'exit:139' },
      ],
    },
    env: {
      API_KEY: apiKey,
      LOG_LEVEL: 'debug',
      LOG_JSON: 'true',
      MINIVAULT_MODEL_ALIASES: '*',
      OTEL_EXPORTER_OTLP_ENDPOINT: traces.url,
    },
    onLine: line => outputs.push({ place: 'the console', text: line }),
  });
  const url = await gateway.url;
  const { createKey, revokeKey } = await import(new URL('access/key-changes.js', DIST).href);
  const keysFile = path.join(home, 'keys.json');
  const stored = (await createKey(keysFile, { name: 'stored', role: 'admin' })).secret;
  const revoked = (await createKey(keysFile, { name: 'revoked' })).secret;
  await revokeKey(keysFile, 'revoked');
  const keys = { apiKey, stored, revoked, wrong: mark('wrong') };
  const sender = { keys, prompt, url, outputs, random };
  const authorization = { Authorization: `Bearer ${apiKey}` };
  const health = async () => JSON.parse((await gateway.get('/health', authorization)).body);
  while ((await health()).worker.state !== 'ready') await new Promise(resolve => setTimeout(resolve, 50));
  const routes = listRoutes(JSON.parse((await gateway.get('/openapi.json', authorization)).body));

  let sent = 0;
  for (let round = 0; round < ROUNDS[scale]; round++) {
    sent += await askEverywhere(sender, routes);
    sent += await askEveryDialect(sender);
    say(`${sent} requests`);
  }
  for (const address of ['/health', '/metrics', '/v1/queue', '/readyz']) {
    const { body } = await gateway.get(address, authorization);
    outputs.push({ place: address, text: body });
  }
  await gateway.stop();
  outputs.push(...traces.received.map(text => ({ place: 'the traces', text })));
  traces.close();

  const { faults, searched, found } = await search(home, outputs, keys, prompt);
  // A search that finds nothing where there must be something proves nothing.
  if (found.prompt === 0) faults.push('the prompt is not in the log: nothing was searched');
  if (!outputs.some(({ place }) => place === 'the console')) faults.push('the console said nothing');
  return {
    tried: sent,
    failed: faults.length,
    faults,
    figures: {
      routes: routes.length,
      'marked keys': Object.keys(keys).length,
      'MB searched': Math.round(searched / 1e5) / 10,
      'keys found': found.keys,
      'prompts found outside log and database': found.strayPrompts,
    },
  };
}

/** @typedef {{ method: string, template: string }} Route */
/** @param {any} openapi @returns {Route[]} */
function listRoutes(openapi) {
  return Object.entries(openapi.paths).flatMap(([template, operations]) =>
    METHODS.filter(method => method in operations).map(method => ({ method, template })),
  );
}

/**
 * Every route, with every key in every place, with bodies that are good, wrong and broken.
 * @param {Sender} sender @param {readonly Route[]} routes
 */
async function askEverywhere({ keys, prompt, url, outputs }, routes) {
  let sent = 0;
  for (const { method, template } of routes) {
    const address = template.replaceAll(/\{\w+\}/g, 'x');
    for (const [name, key] of Object.entries(keys)) {
      /** @type {[string, Record<string, string>, string][]} */
      const forms = [
        [address, { Authorization: `Bearer ${key}` }, '{'],
        [address, { 'X-API-Key': key }, `{"prompt":"${prompt}","unknown":1}`],
        [`${address}?api_key=${key}`, {}, `{"prompt":"${prompt}" "broken`],
        [address, { Authorization: `Basic ${key}`, Cookie: `key=${key}` }, `["${prompt}"]`],
      ];
      const answers = await Promise.all(
        forms.map(([where, headers, body]) => send(url, { method, address: where, headers, body })),
      );
      outputs.push(
        ...answers.map(text => ({ place: `the answer to ${method} ${template} with ${name}`, text })),
      );
      sent += answers.length;
    }
  }
  return sent;
}

/** Prompts that are answered, and those at which the worker fails. @param {Sender} sender */
async function askEveryDialect({ keys, prompt, url, outputs, random }) {
  const ledger = new Ledger(random);
  for (const dialect of DIALECTS) {
    for (const fate of [
      'fine',
      'RAISE',
      'PRINT',
      'GARBAGE',
      ...(dialect.name === 'simple-ndjson' ? ['CRASH'] : []),
    ]) {
      const headers = { Authorization: `Bearer ${keys.stored}` };
      await ask(url, ledger, { dialect, tokens: 8, prompt: `${prompt} ${fate}`, expects: anything, headers });
    }
  }
  const documents = {
    documents: [{ content: `${prompt} is in a document`, metadata: { source: 'canary' } }],
  };
  const headers = { 'X-API-Key': String(keys.apiKey) };
  for (const [address, body] of Object.entries({
    '/api/v1/documents/add': documents,
    '/v1/embeddings': { model: 'any', input: prompt },
  })) {
    await send(url, { method: 'post', address, headers, body: JSON.stringify(body) });
  }
  for (const { headers: received, nonce } of ledger.entries) {
    outputs.push({ place: `the headers of ${nonce}`, text: JSON.stringify(received) });
  }
  return ledger.entries.length + 2;
}

/**
 * Head and body of the answer; of a stream that stays open, its head.
 * @param {string} url @param {{ method: string, address: string, headers: Record<string, string>, body: string }} what
 * @returns {Promise<string>}
 */
function send(url, { method, address, headers, body }) {
  return new Promise((resolve, reject) => {
    const hasBody = method !== 'get' && method !== 'delete';
    const type = hasBody
      ? { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }
      : {};
    const call = request(`${url}${address}`, {
      method: method.toUpperCase(),
      agent: false,
      headers: { ...type, ...headers },
    });
    call.on('error', reject);
    call.on('response', response => {
      let text = JSON.stringify(response.headers);
      if (response.headers['content-type']?.startsWith('text/event-stream')) {
        resolve(text);
        call.on('error', () => {}).destroy();
        return;
      }
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk;
      });
      response.on('close', () => resolve(text));
    });
    call.end(hasBody ? body : undefined);
  });
}

/** Takes whatever traces are sent. @returns {Promise<{ url: string, received: string[], close: () => void }>} */
async function startCollector() {
  /** @type {string[]} */
  const received = [];
  const server = createServer((req, res) => {
    let text = JSON.stringify(req.headers);
    req.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
    req.on('end', () => {
      received.push(text);
      res.setHeader('Content-Type', 'application/json').end('{}');
    });
  });
  await new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${address.port}`, received, close: () => server.close() };
}

/** @param {string} home @param {readonly Output[]} outputs @param {Record<string, string>} keys @param {string} prompt */
async function search(home, outputs, keys, prompt) {
  /** @type {string[]} */
  const faults = [];
  const found = { keys: 0, prompt: 0, strayPrompts: 0 };
  let searched = 0;
  const look = (
    /** @type {string} */ place,
    /** @type {string} */ text,
    /** @type {boolean} */ mayHavePrompt,
  ) => {
    for (const [name, key] of Object.entries(keys)) {
      if (!text.includes(key)) continue;
      found.keys += 1;
      faults.push(`the key "${name}" is in ${place}`);
    }
    if (!text.includes(prompt)) return;
    if (mayHavePrompt) found.prompt += 1;
    else {
      found.strayPrompts += 1;
      faults.push(
        `the prompt is in ${place}: ${text.slice(Math.max(0, text.indexOf(prompt) - 100)).slice(0, 200)}`,
      );
    }
  };
  for (const { place, text } of outputs) {
    searched += text.length;
    // Whoever sends a prompt may hear of it what is wrong with it.
    look(place, text, place.startsWith('the answer'));
  }
  const names = await readdir(home, { recursive: true, withFileTypes: true });
  for (const entry of names.filter(each => each.isFile())) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const name = path.relative(home, file);
    // Whole marks, also where they lie across two pieces.
    let tail = '';
    for await (const piece of createReadStream(file, { encoding: 'latin1', highWaterMark: 1 << 20 })) {
      searched += piece.length;
      look(`the file ${name}`, tail + piece, KEPT.test(name));
      tail = piece.slice(-200);
    }
  }
  return { faults, searched, found };
}
