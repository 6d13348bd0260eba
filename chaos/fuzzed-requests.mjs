// Requests of every POST route of /openapi.json: most of them wrong, all of them drawn from one chance.
import { mutate } from './mutations.mjs';
import { pick, wholeBetween } from './random.mjs';
import { instanceOf } from './schema-instances.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {{ path: string, headers: Record<string, string>, body: Buffer, mutations: string[] }} FuzzedRequest */
/** @typedef {{ template: string, schema: import('./schema-instances.mjs').Schema | null, isForm: boolean, query: readonly string[] }} Route */

const STRANGE_IDS = [
  'x',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  '%ff%fe',
  '%zz',
  '__proto__',
  'a'.repeat(5_000),
  '%F0%9F%99%82',
  '-1',
  "'%20or%201=1",
  '01a21d69-214b-7638-81f1-7c25cca0d8f0',
];
const STRANGE_QUERIES = [
  '',
  '1',
  'true',
  '-1',
  '1e999',
  '%00',
  '__proto__',
  'a'.repeat(3_000),
  'text',
  'sse',
  'json',
];
const BOUNDARY = 'fuzzed-boundary';

/** @param {any} openapi @returns {Route[]} */
export function postRoutes(openapi) {
  return Object.entries(openapi.paths).flatMap(([template, { post }]) => {
    if (post === undefined) return [];
    const content = post.requestBody?.content ?? {};
    const isForm = 'multipart/form-data' in content;
    const query = (post.parameters ?? []).flatMap((/** @type {any} */ { in: place, name }) =>
      place === 'query' ? [name] : [],
    );
    return [{ template, schema: content['application/json']?.schema ?? null, isForm, query }];
  });
}

/**
 * @param {readonly Route[]} routes @param {Random} random
 * @param {() => string} knownId an id that some route will know
 * @returns {FuzzedRequest}
 */
export function drawRequest(routes, random, knownId) {
  const { template, schema, isForm, query } = pick(random, routes);
  const path = template.replaceAll(/\{\w+\}/g, () =>
    random() < 0.5 ? knownId() : pick(random, STRANGE_IDS),
  );
  const search = query.filter(() => random() < 0.5).map(name => `${name}=${pick(random, STRANGE_QUERIES)}`);
  const address = search.length === 0 ? path : `${path}?${search.join('&')}`;
  if (isForm) return { path: address, ...drawForm(random) };
  const body = /** @type {Record<string, unknown>} */ (schema === null ? {} : instanceOf(schema, random));
  if ('client_id' in body && random() < 0.7) body.client_id = CLIENT_ID;
  // What asks for the model to be unloaded is answered after the model is loaded again: that takes the time it takes.
  if ('keep_alive' in body) body.keep_alive = '5m';
  return { path: address, ...mutate(body, {}, random) };
}

/** The client of the two-step chat that has its stream open meanwhile. */
export const CLIENT_ID = 'fuzz';

/** @param {Random} random @returns {Omit<FuzzedRequest, 'path'>} */
function drawForm(random) {
  const parts = Array.from({ length: wholeBetween(random, 0, 3) }, (_, index) => {
    const name = pick(random, ['files', 'file', 'metadata', 'language', '__proto__', '', 'x'.repeat(500)]);
    const filename = pick(random, [
      'a.txt',
      'b.pdf',
      'c.docx',
      '../../d.md',
      'e.exe',
      '.html',
      `${'f'.repeat(400)}.txt`,
      '\u0000.txt',
    ]);
    const content = pick(random, [
      'some words',
      '',
      '%PDF-1.7 broken',
      'PK\u0003\u0004broken',
      '{"a":1}',
      'ÿþ',
      '<p>x',
      '\u0000\u0000',
    ]);
    const isFile = random() < 0.8;
    const disposition = `form-data; name="${name}"${isFile ? `; filename="${filename}"` : ''}`;
    return `--${BOUNDARY}\r\nContent-Disposition: ${disposition}\r\nContent-Type: text/plain\r\n\r\n${content}${index}\r\n`;
  });
  const whole = `${parts.join('')}--${BOUNDARY}--\r\n`;
  const isCut = random() < 0.4;
  const body = Buffer.from(isCut ? whole.slice(0, wholeBetween(random, 0, whole.length)) : whole, 'latin1');
  const type = pick(random, [
    `multipart/form-data; boundary=${BOUNDARY}`,
    `multipart/form-data; boundary="${BOUNDARY}"`,
    'multipart/form-data; boundary=another',
    'multipart/form-data',
    `multipart/form-data; boundary=${'x'.repeat(200)}`,
    'application/json',
  ]);
  return {
    headers: { 'Content-Type': type },
    body,
    mutations: isCut ? ['a form', 'its end cut off'] : ['a form'],
  };
}
