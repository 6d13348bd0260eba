// `npm run bench:retrieval`: how well documents are found, by words, by meaning and by both, with the real embedder and
// the embedded database. Writes its table into the README. Needs a set-up and a build.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeSection } from './readme-section.mjs';
import { documents, KINDS, MODES, measureRetrieval, questions } from './retrieval/measure.mjs';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');
const MAIN = path.join(REPOSITORY_DIR, 'dist/main.js');
const SERVE = path.join(REPOSITORY_DIR, 'server/testing/fixtures/serve.mjs');
const MODEL = path.join(REPOSITORY_DIR, 'data/models/smollm2-135m-instruct');
const READY_TIMEOUT_MS = 180_000;
const POLL_MS = 200;

const dir = mkdtempSync(path.join(tmpdir(), 'minivault-retrieval-'));

/** @returns {Promise<{url: string, stop: () => Promise<void>}>} */
async function serve() {
  const child = spawn(process.execPath, [SERVE], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      RATE_LIMIT_ENABLED: 'false',
      MINIVAULT_ENGINE: 'streamer',
      MINIVAULT_MODEL: MODEL,
      MINIVAULT_DATA_DIR: dir,
      MINIVAULT_LOG_FILE: path.join(dir, 'log.jsonl'),
    },
  });
  const closed = new Promise(resolve => child.once('close', resolve));
  let output = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const url = /listens on (http:\S+)/.exec(output)?.[1];
    const isReady = url !== undefined && (await isUp(url));
    if (isReady) {
      const stop = async () => {
        child.kill('SIGTERM');
        await closed;
      };
      return { url, stop };
    }
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill('SIGKILL');
      throw new Error(`No gateway:\n${output}`);
    }
    await sleep(POLL_MS);
  }
}

/** @param {string} url whether both the model and the database are there */
async function isUp(url) {
  const answers = await Promise.all([`${url}/readyz`, `${url}/api/v1/documents`].map(each => fetch(each)));
  return answers.every(({ ok }) => ok);
}

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;

if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: npm run setup`);
const gateway = await serve();
try {
  const measured = await measureRetrieval(gateway.url);
  const counts = KINDS.map(each => questions.filter(({ kind }) => kind === each).length);
  const rows = MODES.map(mode => {
    const { recallAt5, mrr, byKind } = measured[mode];
    const cells = [percent(recallAt5), mrr.toFixed(3), ...KINDS.map(kind => percent(byKind[kind]))];
    return `| ${mode} | ${cells.join(' | ')} |`;
  });
  const table = [
    `${questions.length} questions about ${documents.length} documents. “Meaning”: asked in other words than the answer is written in, two thirds sharing none that helps; “exact”: a rare word or number.`,
    '',
    `| search | recall@5 | MRR | recall@5, plain (${counts[0]}) | meaning (${counts[1]}) | exact (${counts[2]}) |`,
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  process.stdout.write(`${table}\n`);
  for (const mode of MODES) process.stdout.write(`${mode} missed: ${measured[mode].missed.join(' · ')}\n`);
  if (!process.argv.includes('--no-readme'))
    writeSection(path.join(REPOSITORY_DIR, 'README.md'), 'retrieval', table);
} finally {
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
}
