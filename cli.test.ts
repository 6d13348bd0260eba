// The command-line client: sends one prompt to POST /generate and prints the answer as it streams. Knows the wire
// format only, nothing of the server's code. Its tests are in server/cli-client.test.ts.
import { once } from 'node:events';
import { text as readAll } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const USAGE = `Usage: node cli.test.js [--help] [--url URL] [--json] "What is an AI model?"
  -           reads the prompt from standard input
  --url URL   where minivault listens; default http://127.0.0.1:3000, or the port in PORT
  --max-tokens N  how long the answer may get; default 300
  --json      prints the NDJSON lines as they come
Exit codes: 0 whole answer, or as long as it may get (stderr says so), 1 wrong usage or no server, 2 no answer or half of one, 130 interrupted`;
const [TEXT, FLAG] = [{ type: 'string' }, { type: 'boolean' }] as const;
const OPTIONS = { url: TEXT, 'max-tokens': TEXT, json: FLAG, help: FLAG };
const interruption = new AbortController();
/** A terminal is spared the control characters that would drive it. */
const clean = (text: string) => (process.stdout.isTTY ? text.replace(/(?![\n\t])\p{Cc}/gu, '') : text);
const print = async (text: string) => process.stdout.write(clean(text)) || once(process.stdout, 'drain');

function fail(exitCode: number, message: string): never {
  throw Object.assign(new Error(message), { exitCode });
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(line => line.trim() !== '');
  }
}

async function post(url: string, body: object): Promise<AsyncIterable<Uint8Array>> {
  const { API_KEY } = process.env;
  const headers = { 'Content-Type': 'application/json', ...(API_KEY ? { 'X-API-Key': API_KEY } : {}) };
  const request = { method: 'POST', headers, body: JSON.stringify(body), signal: interruption.signal };
  const response = await fetch(`${url}/generate`, request).catch(({ cause, message }) =>
    fail(1, `no minivault at ${url} (${cause?.code ?? cause?.message ?? message}); start it with: npm start`),
  );
  if (response.ok && response.body !== null) return response.body;
  const { error, detail, code } = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const said = typeof error === 'string' ? error : 'this is no minivault';
  const words = [said, detail].filter(Boolean).join(': ');
  return fail(2, `${words} (${code ?? `HTTP ${response.status}`})`);
}

/** Prints the pieces, or the lines as they are; fails unless the final line says that the answer is whole. */
async function printAnswer(lines: AsyncIterable<string>, isRaw: boolean): Promise<void> {
  let [shown, lineIsOpen, isCut] = ['', false, false];
  try {
    for await (const line of lines) {
      const { response, status, position, done, done_reason, error } = JSON.parse(line);
      const waiting = [status, position].filter(word => word !== undefined).join(', position ');
      if (waiting !== shown && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${waiting}`);
      shown = waiting;
      if (isRaw || response !== '') await print(isRaw ? `${line}\n` : response);
      lineIsOpen ||= !isRaw && (response !== '' || done_reason === 'stop');
      if (error !== undefined) fail(2, `${error.message} (${error.code})`);
      if (done_reason === 'cancelled') fail(2, 'the answer was cancelled');
      isCut = done_reason === 'length';
      if (done === true) return;
    }
    fail(2, 'the stream ended in the middle of the answer');
  } finally {
    if (lineIsOpen) await print('\n');
    if (isCut && !isRaw) console.error('The answer stops here for its length; --max-tokens allows more.');
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) return void (await print(`${USAGE}\n`));
  const prompt = positionals[0] === '-' ? (await readAll(process.stdin)).trimEnd() : positionals.join(' ');
  if (prompt === '') fail(1, `no prompt\n${USAGE}`);
  const url = (values.url ?? `http://127.0.0.1:${process.env.PORT || 3000}`).replace(/\/+$/, '');
  if (!URL.canParse(url)) fail(1, `"${url}" is no URL\n${USAGE}`);
  const length = values['max-tokens'] === undefined ? {} : { max_tokens: Number(values['max-tokens']) };
  process.once('SIGINT', () => interruption.abort());
  await printAnswer(readLines(await post(url, { prompt, ...length })), values.json ?? false);
}

process.stdout.on('error', () => process.exit());
await main().catch(error => {
  process.exitCode = error.exitCode ?? (String(error.code).startsWith('ERR_PARSE_ARGS') ? 1 : 2);
  if (interruption.signal.aborted) process.exitCode = 130;
  else console.error(`Error: ${error.cause ? `the stream broke (${error.cause.code})` : error.message}`);
});
