// G11: clients that only listen, and clients that send a byte a second and never get to the end of their request. The
// gateway must answer others meanwhile, and be rid of the slow ones.
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.mjs';
import { startGateway } from '../gateway.mjs';
import { openEvents } from '../two-step-client.mjs';

export const goal = 'G11';
export const title = 'idle SSE streams, and slowloris: heads and bodies at a byte a second';
export const isIdle = true;

const EACH = { full: 1_000, short: 150 };
/** Opened together; the next ones when these are there. */
const AT_ONCE = 100;
const BYTE_MS = 1_000;
const ASK_MS = 25;
const LIVEZ_MS = 100;
const GONE_MS = 15_000;
const GIVE_UP_MS = 30_000;
const MOST_BYTES = 300e6;
/** Another gateway, which nobody troubles, is asked in turn: what it suffers, too, is the machine's. */
const AS_OTHER = 1.5;

/** @param {import('../run-scenarios.mjs').RunOptions} options */
export async function run({ scale, folder, say }) {
  const each = EACH[scale];
  const [gateway, other] = await Promise.all(
    ['troubled', 'other'].map(name =>
      startGateway({
        folder: path.join(folder, name),
        hasVault: false,
        env: { MINIVAULT_STREAMS_MAX: String(each) },
      }),
    ),
  );
  if (gateway === undefined || other === undefined) throw new Error('two gateways were asked for');
  const [url, otherUrl] = [await gateway.url, await other.url];
  await Promise.all([gateway.ready(), other.ready()]);

  /** @type {string[]} */
  const faults = [];
  const listeners = await inTurn(each, number => {
    const stream = openEvents(url, `idle-${number}`, { onEvent: () => {} });
    return stream.status.then(status => ({ ...stream, told: status }));
  });
  const deaf = listeners.filter(({ told }) => told !== 200).length;
  if (deaf > 0) faults.push(`${deaf} of ${each} idle streams were refused`);
  let ended = 0;
  let isOver = false;
  for (const { closed } of listeners) {
    closed.then(() => {
      if (!isOver) ended += 1;
    });
  }
  const port = Number(new URL(url).port);
  const slow = (await inTurn(each, async number => openSlow(port, number % 2 === 0 ? HEAD : BODY))).map(
    ({ gone }) => gone,
  );
  say(`${each} idle streams and ${each} slow clients are there`);
  let mostBytes = 0;
  const timesMs = { troubled: /** @type {number[]} */ ([]), other: /** @type {number[]} */ ([]) };
  let areGone = false;
  const asking = (async () => {
    while (!areGone) {
      timesMs.troubled.push(await timeLivez(url));
      timesMs.other.push(await timeLivez(otherUrl));
      mostBytes = Math.max(mostBytes, gateway.residentBytes);
      await sleep(ASK_MS);
    }
  })();
  const gone = await Promise.all(slow);
  areGone = true;
  await asking;

  const lifesMs = gone.map(({ ms }) => ms);
  const late = lifesMs.filter(ms => ms > GONE_MS).length;
  const wrong = gone.filter(
    ({ answer }) => !answer.startsWith('HTTP/1.1 408 ') || !answer.includes('"request_id":'),
  );
  const [livezMs, otherMs] = [timesMs.troubled, timesMs.other].map(ms => quantile(ms, 0.99) ?? 0);
  if (late > 0) faults.push(`${late} slow clients were there after ${GONE_MS} ms`);
  if (wrong.length > 0) faults.push(`${wrong.length} of them heard: ${JSON.stringify(wrong[0]?.answer)}`);
  if (ended > 0) faults.push(`${ended} idle streams were cut`);
  if (mostBytes > MOST_BYTES) faults.push(`it took ${Math.round(mostBytes / 1e6)} MB`);
  if (
    livezMs === undefined ||
    otherMs === undefined ||
    (livezMs > LIVEZ_MS && livezMs > otherMs * AS_OTHER)
  ) {
    faults.push(`/livez took ${livezMs} ms, and ${otherMs} ms elsewhere`);
  }
  isOver = true;
  for (const listener of listeners) listener.leave();
  await gateway.until('rid of them', async () => (await gateway.connections()) === 0);
  await Promise.all([gateway.stop(), other.stop()]);
  return {
    tried: each * 2,
    failed: faults.length,
    faults,
    figures: {
      '/livez meanwhile, p99': `${(livezMs ?? 0).toFixed(1)} ms`,
      'of an idle gateway': `${(otherMs ?? 0).toFixed(1)} ms`,
      memory: `${Math.round(mostBytes / 1e6)} MB`,
      'slow ones gone after': `${(Math.max(...lifesMs) / 1_000).toFixed(1)} s`,
    },
  };
}

const HEAD = { start: 'POST /generate HTTP/1.1\r\nHost: localhost\r\n', byte: 'x' };
const BODY = {
  start:
    'POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n',
  byte: ' ',
};

/**
 * Resolves when it is connected and has begun; sends on until it is cut off.
 * @param {number} port @param {{ start: string, byte: string }} what
 * @returns {Promise<{ gone: Promise<{ ms: number, answer: string }> }>}
 */
function openSlow(port, { start, byte }) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const beganMs = performance.now();
      socket.write(start);
      const sender = setInterval(() => socket.write(byte), BYTE_MS);
      const giveUp = setTimeout(() => socket.destroy(), GIVE_UP_MS);
      let answer = '';
      socket.setEncoding('latin1').on('data', chunk => {
        answer += chunk;
      });
      const gone = new Promise((/** @type {(found: { ms: number, answer: string }) => void} */ tell) => {
        socket.on('close', () => {
          clearInterval(sender);
          clearTimeout(giveUp);
          tell({ ms: performance.now() - beganMs, answer });
        });
      });
      resolve({ gone });
    });
    socket.on('error', reject);
  });
}

/** @template T @param {number} count @param {(number: number) => Promise<T>} open @returns {Promise<T[]>} */
async function inTurn(count, open) {
  /** @type {T[]} */
  const all = [];
  while (all.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - all.length) }, (_, at) =>
      open(all.length + at),
    );
    all.push(...(await Promise.all(batch)));
  }
  return all;
}

/** @param {string} url */
async function timeLivez(url) {
  const beganMs = performance.now();
  await (await fetch(`${url}/livez`)).text();
  return performance.now() - beganMs;
}
