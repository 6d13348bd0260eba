// The six invariants (faults.md D), checked after a scenario: joins what clients saw, the log, the database and what the
// gateway says of itself. Knows no scenario.
import { BROKEN } from './client.mjs';
import { readLog } from './log-files.mjs';
import { checkMetrics } from './metrics.mjs';

/** @typedef {import('./ledger.mjs').Entry} Entry */
/** @typedef {import('./log-files.mjs').Logged} Logged */
/**
 * @typedef {object} CheckOptions
 * @property {boolean} [mayCut] the gateway itself was killed: answers may lack their end, and then their line
 * @property {number} [children] processes of a gateway at rest
 * @property {boolean} [hasErased] exchanges were erased: the metrics have counted more than there are
 * @property {number} [settleMs] how long it has to come to rest
 */
/** @typedef {{ faults: string[], checked: number, logged: number }} Checked */

/**
 * All six, with the gateway running.
 * @param {import('./gateway.mjs').Gateway} gateway @param {import('./ledger.mjs').Ledger} ledger @param {CheckOptions} [options]
 * @returns {Promise<Checked>}
 */
export async function checkInvariants(
  gateway,
  ledger,
  { mayCut = false, hasErased = false, children = 1, settleMs = 120_000 } = {},
) {
  const faults = await checkRest(gateway, { children, settleMs });
  const log = await readLog(gateway.logFile);
  faults.push(...log.faults);
  faults.push(...checkEntries(ledger.entries, { mayCut }));
  faults.push(...checkLog(ledger.entries, log, { mayCut }));
  faults.push(...(await checkMetrics(gateway, log, { hasErased })));
  if (gateway.hasVault) faults.push(...(await checkDatabase(gateway, log)));
  return { faults, checked: ledger.entries.length, logged: log.lines.size };
}

/**
 * I1 and I2, of which only the clients know.
 * @param {readonly Entry[]} entries @param {{ mayCut: boolean }} options
 */
export function checkEntries(entries, { mayCut }) {
  /** @type {string[]} */
  const faults = [];
  for (const entry of entries) {
    const { outcome, terminals, strays, text, words } = entry;
    const say = (/** @type {string} */ fault) => faults.push(`${fault} (${name(entry)})`);
    const hasEnd = outcome === 'completed' || outcome === 'failed';
    if (hasEnd && terminals.length !== 1) say(`I1: ${terminals.length} ends: ${terminals.join(', ')}`);
    if (!hasEnd && outcome !== 'left' && terminals.length > 0) say(`I1: ${outcome} after ${terminals[0]}`);
    if (outcome === 'running' || outcome === 'hung') say('I1: it never ended');
    if (!mayCut && (outcome === 'cut' || outcome === 'unreached')) say(`I1: ${outcome}, without an end`);
    if (strays.length > 0) say(`I2: it holds ${strays.join(', ')}`);
    if (!entry.expects(text, entry)) say(`I2: not its own answer: ${text.slice(0, 80)}`);
    const found = text === '' ? 0 : text.trim().split(/\s+/).length;
    if (outcome === 'completed' && words !== null && found !== words) say(`I1: ${found} of ${words} words`);
  }
  return faults;
}

/**
 * I4 and I5: the log has what the clients have, word for word, and nothing else.
 * @param {readonly Entry[]} entries @param {import('./log-files.mjs').ReadLog} log @param {{ mayCut: boolean }} options
 */
export function checkLog(entries, { exchanges }, { mayCut }) {
  /** @type {string[]} */
  const faults = [];
  /** @type {Map<string, Logged>} */
  const byNonce = new Map();
  for (const exchange of exchanges.values()) {
    byNonce.set(nonceOf(exchange.prompt) ?? exchange.id, exchange);
  }
  const owned = new Set();
  for (const entry of entries) {
    const logged = (entry.id === null ? undefined : exchanges.get(entry.id)) ?? byNonce.get(entry.nonce);
    if (logged !== undefined) owned.add(logged.id);
    const fault = logged === undefined ? missing(entry, mayCut) : different(entry, logged, mayCut);
    if (fault !== null) faults.push(`${fault} (${name(entry)})`);
  }
  for (const { id, prompt } of exchanges.values()) {
    if (!owned.has(id))
      faults.push(`I4: ${id} is in the log, and no client asked it: ${prompt.slice(0, 40)}`);
  }
  return faults;
}

/** @param {Entry} entry @param {boolean} mayCut */
function missing(entry, mayCut) {
  const { outcome, text } = entry;
  const isKept = text !== '' && (isToldFailure(entry, mayCut) || (outcome === 'left' && !mayCut));
  return outcome === 'completed' || isKept ? `I4: ${outcome}, and not in the log` : null;
}

/** A broken connection may be the gateway's own death, of which the log knows nothing. @param {Entry} entry @param {boolean} mayCut */
function isToldFailure({ outcome, terminals }, mayCut) {
  return outcome === 'failed' && !(mayCut && terminals[0] === BROKEN);
}

/** @param {Entry} entry @param {Logged} logged @param {boolean} mayCut */
function different(entry, logged, mayCut) {
  const { id, outcome, text, dialect } = entry;
  const { status, response } = logged;
  if (id !== null && id !== logged.id) return `I4: the log has it as ${logged.id}`;
  if (outcome === 'refused' || outcome === 'unreached') return `I4: ${outcome}, and in the log as ${status}`;
  if (dialect !== logged.dialect) return `I5: the log has it as ${logged.dialect}`;
  if (!entry.expects(response, entry)) return `I5: the log has another's text: ${response.slice(0, 80)}`;
  const hasEnd = outcome === 'completed' || isToldFailure(entry, mayCut);
  if (hasEnd && status !== outcome) return `I5: ${outcome}, and ${status} in the log`;
  if (hasEnd ? response !== text : !response.startsWith(text)) {
    return `I5: the log has ${response.length} characters, the client ${text.length}`;
  }
  return null;
}

/** I4's other half: what the export of the history has is the log, line by line. @param {import('./gateway.mjs').Gateway} gateway @param {import('./log-files.mjs').ReadLog} log */
export async function checkDatabase(gateway, { lines }) {
  const { status, body } = await gateway.get('/history/export');
  if (status !== 200) return [`I4: the history cannot be read: ${status} ${body.slice(0, 200)}`];
  const rows = body.split('\n').filter(row => row !== '');
  const stored = new Set(rows);
  const faults = [...lines].flatMap(([id, line]) =>
    stored.has(line) ? [] : [`I4: ${id} is not in the database`],
  );
  if (rows.length !== lines.size) faults.push(`I4: ${rows.length} rows of ${lines.size} lines`);
  return faults;
}

/** I6. @param {import('./gateway.mjs').Gateway} gateway @param {{ children: number, settleMs: number }} options */
async function checkRest(gateway, { children, settleMs }) {
  const isAtRest = async (/** @type {any} */ { worker, queue, log, vault }) =>
    worker.state === 'ready' &&
    worker.running + queue.running + queue.waiting + log.spooled === 0 &&
    (!gateway.hasVault || vault.behind_bytes === 0) &&
    gateway.children === children &&
    (await gateway.connections()) === 0;
  try {
    await gateway.until('at rest', isAtRest, settleMs);
    return [];
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    const held = gateway.failure === null ? await gateway.connections() : 0;
    return [`I6: ${told}; ${gateway.children} children, ${held} connections`];
  }
}

/** @param {string} prompt */
function nonceOf(prompt) {
  return /\bq[\da-f]{12}z\b/.exec(prompt)?.[0] ?? null;
}

/** @param {Entry} entry */
function name({ number, dialect, id, outcome, code, nonce }) {
  return `request ${number}, ${dialect}, ${id ?? nonce}, ${outcome}${code === null ? '' : `: ${code}`}`;
}
