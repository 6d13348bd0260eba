// G21: streams of the two-step chat that are cut at every event and taken up again by Last-Event-ID: while what was missed
// is still kept whole, and when it is kept no more, be it for the number of its events or for their length.
import path from 'node:path';
import { startGateway } from '../gateway.mjs';
import { checkInvariants } from '../invariants.mjs';
import { Ledger } from '../ledger.mjs';
import { pick } from '../random.mjs';
import { openEvents, submit } from '../two-step-client.mjs';

export const goal = 'G21';
export const title =
  'SSE cut at every event from 1 to 200, by what is still kept: all, the newest events, the newest bytes';

const CUTS = 200;
const EVERY = { full: 1, short: 25 };
const AT_ONCE = 25;
const PATIENCE_MS = 120_000;

/**
 * What a client has read is told anew as a whole when it is not kept piece by piece any more.
 * @typedef {{ name: string, tokens: number, wordLength: number, isKept: boolean }} Kind
 * @type {readonly Kind[]}
 */
const KINDS = [
  { name: 'all is kept', tokens: 210, wordLength: 4, isKept: true },
  { name: 'of 1,500 events the newest 1,000', tokens: 1_500, wordLength: 4, isKept: false },
  { name: 'of 1 MB the newest 256 KiB', tokens: 500, wordLength: 4_000, isKept: false },
];

/** @typedef {{ entry: import('../ledger.mjs').Entry, kind: Kind, cut: number, lastId: string | null, seqs: Set<string>, repeats: number, resets: number, hasEnd: boolean, comesBack: 'at once' | 'later' }} Reader */

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, random, folder, say }) {
  const gateway = await startGateway({
    folder: path.join(folder, 'gateway'),
    hasVault: false,
    plan: { slots: AT_ONCE, tokens: 10_000 },
    env: { MINIVAULT_RESUME_GRACE_MS: String(PATIENCE_MS), MINIVAULT_STREAMS_MAX: '10000' },
  });
  const url = await gateway.url;
  await gateway.ready();
  const ledger = new Ledger(random);
  /** @type {string[]} */
  const faults = [];
  let tried = 0;
  let repeats = 0;
  let resets = 0;
  for (const kind of KINDS) {
    const cuts = Array.from({ length: CUTS }, (_, i) => i + 1).filter(cut => cut % EVERY[scale] === 0);
    while (cuts.length > 0) {
      const readers = cuts
        .splice(0, AT_ONCE)
        .map(cut => openReader(ledger, kind, cut, pick(random, ['at once', 'later'])));
      await Promise.all(readers.map(reader => readUntilCut(url, reader)));
      const [atOnce, later] = [readers.filter(isBackAtOnce), readers.filter(reader => !isBackAtOnce(reader))];
      await Promise.all(atOnce.map(reader => readToEnd(url, reader)));
      await gateway.until(
        'at rest',
        ({ worker, queue }) => worker.running + queue.running + queue.waiting === 0,
      );
      await Promise.all(later.map(reader => readToEnd(url, reader)));
      for (const reader of readers) faults.push(...judge(reader));
      tried += readers.length;
      repeats += readers.reduce((sum, reader) => sum + reader.repeats, 0);
      resets += readers.reduce((sum, reader) => sum + reader.resets, 0);
    }
    say(`${kind.name}: ${tried} cut so far, ${resets} told anew`);
  }
  faults.push(...(await checkInvariants(gateway, ledger)).faults);
  await gateway.stop();
  return {
    tried,
    failed: faults.length,
    faults,
    figures: {
      'events told twice': repeats,
      'told anew as a whole': resets,
    },
  };
}

/** @param {Reader} reader */
function isBackAtOnce({ kind, comesBack }) {
  return kind.isKept && comesBack === 'at once';
}

/** @param {Ledger} ledger @param {Kind} kind @param {number} cut @param {Reader['comesBack']} comesBack @returns {Reader} */
function openReader(ledger, kind, cut, comesBack) {
  const entry = ledger.open({ dialect: 'job-sse', words: kind.tokens, prompt: 'w'.repeat(kind.wordLength) });
  return { entry, kind, cut, lastId: null, seqs: new Set(), repeats: 0, resets: 0, hasEnd: false, comesBack };
}

/** @param {Reader} reader @param {import('../two-step-client.mjs').StreamEvent} event */
function take(reader, { id, name, data }) {
  const { entry, seqs } = reader;
  if (id !== null) {
    reader.lastId = id;
    if (seqs.has(id)) reader.repeats += 1;
    seqs.add(id);
  }
  if (name === 'token') {
    entry.text += data.text;
    entry.pieces += 1;
  } else if (name === 'reset') {
    entry.text = data.text;
    reader.resets += 1;
  } else if (name === 'done' || name === 'error') {
    entry.terminals.push(name === 'done' ? `done: ${data.done_reason}` : `error: ${data.error.code}`);
    reader.hasEnd = true;
  }
}

/** Submits, and leaves at the event. @param {string} url @param {Reader} reader */
async function readUntilCut(url, reader) {
  const { entry, kind, cut } = reader;
  const stream = openEvents(url, entry.nonce, {
    onEvent: event => {
      take(reader, event);
      if (reader.seqs.size === cut) stream.leave();
    },
  });
  entry.status = await stream.status;
  const { headers } = await submit(url, {
    prompt: entry.prompt,
    client_id: entry.nonce,
    max_tokens: kind.tokens,
  });
  entry.id = String(headers['x-exchange-id']);
  await stream.closed;
}

/** Comes back to where it was. @param {string} url @param {Reader} reader */
async function readToEnd(url, reader) {
  const { entry } = reader;
  if (!reader.hasEnd) {
    const stream = openEvents(url, entry.nonce, {
      lastEventId: reader.lastId,
      onEvent: event => {
        take(reader, event);
        if (reader.hasEnd) stream.leave();
      },
    });
    const patience = setTimeout(() => stream.leave(), PATIENCE_MS);
    await stream.closed;
    clearTimeout(patience);
  }
  entry.outcome = reader.hasEnd ? 'completed' : 'hung';
  entry.endedAtMs = performance.now();
}

/** What the ledger's own judge does not know of. @param {Reader} reader @returns {string[]} */
function judge({ kind, cut, repeats, resets, hasEnd }) {
  const where = `${kind.name}, cut at ${cut}`;
  return [
    ...(hasEnd ? [] : [`${where}: it did not end`]),
    ...(repeats > 0 ? [`${where}: ${repeats} events came twice`] : []),
    ...(kind.isKept && resets > 0 ? [`${where}: told anew, and all of it was kept`] : []),
    // A second time, where a reader on a busy machine fell behind before it was cut.
    ...(!kind.isKept && resets === 0 ? [`${where}: not told anew, and not all of it was kept`] : []),
  ];
}
