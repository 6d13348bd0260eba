// A thread that reads one endless answer and notes when each piece came: apart from the searches, so that only the server's delays
// are seen. Told `mark`, it sends the gaps since the last time.
import { request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { url } = /** @type {{ url: string }} */ (workerData);
/** @type {number[]} */
let gaps = [];
let lastMs = 0;

function read() {
  const body = JSON.stringify({ prompt: 'w', max_tokens: 100_000 });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  const asked = request(`${url}/generate`, { method: 'POST', headers }, answer => {
    answer.on('data', () => {
      const nowMs = performance.now();
      if (lastMs > 0) gaps.push(nowMs - lastMs);
      lastMs = nowMs;
    });
    answer.on('error', () => {});
  });
  asked.on('error', () => {});
  asked.end(body);
}

parentPort?.on('message', () => {
  parentPort?.postMessage(gaps);
  gaps = [];
});
read();
