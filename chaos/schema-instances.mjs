// Values that a JSON schema of /openapi.json allows, drawn at random. Knows the keywords that stand there, and no route.
import { between, pick, wholeBetween } from './random.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/**
 * @typedef {object} Schema
 * @property {string | readonly string[]} [type]
 * @property {readonly Schema[]} [anyOf]
 * @property {readonly Schema[]} [oneOf]
 * @property {unknown} [const]
 * @property {readonly unknown[]} [enum]
 * @property {Record<string, Schema>} [properties]
 * @property {readonly string[]} [required]
 * @property {Schema | boolean} [additionalProperties]
 * @property {Schema} [items]
 * @property {number} [minItems]
 * @property {number} [maxItems]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [minLength]
 * @property {number} [maxLength]
 * @property {string} [format]
 */

const MAX_DEPTH = 12;
const MAX_ITEMS = 4;
/** So that nothing takes long because it is asked to. */
const MAX_NUMBER = 40;
const WORDS = [
  'why',
  'naïve',
  '你好',
  '🙂',
  'tab\tnew\nline',
  '<|im_end|>',
  "O'Hara",
  '"quoted"',
  '__END__',
  '{{x}}',
  '%s',
];

/** @param {Schema} schema @param {Random} random @returns {unknown} */
export function instanceOf(schema, random, depth = 0) {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return pick(random, schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return instanceOf(pick(random, choices), random, depth);
  const type = typeof schema.type === 'object' ? pick(random, schema.type) : schema.type;
  if (type === 'object') return objectOf(schema, random, depth);
  if (type === 'array') return arrayOf(schema, random, depth);
  if (type === 'boolean') return random() < 0.5;
  if (type === 'null') return null;
  if (type === 'integer' || type === 'number') return numberOf(schema, random, type === 'integer');
  if (type === 'string') return stringOf(schema, random);
  return pick(random, [null, true, 7, 'anything', [], {}]);
}

/** @param {Schema} schema @param {Random} random @param {number} depth */
function objectOf({ properties = {}, required = [], additionalProperties }, random, depth) {
  const names = Object.keys(properties).filter(
    // Every field of thirty at once would be refused for one of them, nearly always.
    name => required.includes(name) || (depth < MAX_DEPTH && random() < 0.15),
  );
  /** @type {Record<string, unknown>} */
  const object = {};
  for (const name of names) object[name] = instanceOf(properties[name] ?? {}, random, depth + 1);
  if (typeof additionalProperties === 'object' && depth < MAX_DEPTH && random() < 0.3) {
    object[pick(random, ['a', '12', 'x-y'])] = instanceOf(additionalProperties, random, depth + 1);
  }
  return object;
}

/** @param {Schema} schema @param {Random} random @param {number} depth */
function arrayOf({ items = {}, minItems = 0, maxItems = MAX_ITEMS }, random, depth) {
  const most = depth < MAX_DEPTH ? Math.max(minItems, Math.min(maxItems, MAX_ITEMS)) : minItems;
  return Array.from({ length: wholeBetween(random, minItems, most) }, () =>
    instanceOf(items, random, depth + 1),
  );
}

/** @param {Schema} schema @param {Random} random @param {boolean} isWhole */
function numberOf({ minimum = 0, maximum = MAX_NUMBER }, random, isWhole) {
  const most = Math.max(minimum, Math.min(maximum, minimum + MAX_NUMBER));
  return isWhole ? wholeBetween(random, minimum, most) : between(random, minimum, most);
}

/** @param {Schema} schema @param {Random} random */
function stringOf({ minLength = 0, maxLength = 10_000, format }, random) {
  if (format === 'date-time') return new Date(wholeBetween(random, 0, 2e12)).toISOString();
  const words = Array.from({ length: wholeBetween(random, 1, 8) }, () => pick(random, WORDS)).join(' ');
  return words.padEnd(minLength, 'x').slice(0, Math.max(minLength, maxLength)).toWellFormed();
}
