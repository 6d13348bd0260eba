// A client that costs little: raw sockets, bytes counted, only the first token and the end of each stream looked at.
import { connect } from 'node:net';

const FIRST_TOKEN = Buffer.from('{"response":"w');
const END = Buffer.from('\r\n0\r\n\r\n');
const DONE = Buffer.from('"done":true');

/**
 * @typedef {{ seconds: number, firstTokenMs: number[] }} LoadResult
 * seconds: from the first request to the last end; firstTokenMs: one a stream.
 */

/**
 * Runs all streams at once, each asking for `tokens` tokens.
 * @param {{ url: string, streams: number, tokens: number }} load
 * @returns {Promise<LoadResult>}
 */
export async function runLoad({ url, streams, tokens }) {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify({ prompt: 'w', max_tokens: tokens });
  const head = `POST /generate HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const beganMs = performance.now();
  const firstTokenMs = await Promise.all(
    Array.from({ length: streams }, () =>
      runStream({ hostname, port: Number(port), request: head + body, tokens }),
    ),
  );
  return { seconds: (performance.now() - beganMs) / 1000, firstTokenMs };
}

/** @param {{ hostname: string, port: number, request: string, tokens: number }} stream @returns {Promise<number>} */
function runStream({ hostname, port, request, tokens }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, noDelay: true });
    const sentMs = performance.now();
    let firstMs = 0;
    let tail = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`The stream broke: ${tail.toString()}`)));
    socket.on('data', chunk => {
      if (firstMs === 0 && chunk.includes(FIRST_TOKEN)) firstMs = performance.now() - sentMs;
      tail = chunk.length >= 1024 ? chunk.subarray(-1024) : Buffer.concat([tail, chunk]).subarray(-1024);
      if (!tail.subarray(-END.length).equals(END)) return;
      if (!tail.includes(DONE) || !tail.includes(`"completion_tokens":${tokens}`)) {
        reject(new Error(`Not the whole answer: ${tail.toString()}`));
      }
      resolve(firstMs);
      socket.destroy();
    });
    socket.write(request);
  });
}
