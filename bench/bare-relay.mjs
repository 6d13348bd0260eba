// The yardstick of bench/relay: node:http, one worker, one JSON line a token, and no product around it. It checks
// nothing, keeps nothing and survives nothing; the worker and the lines are the gateway's own.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [python = '', worker = '', dataDir = ''] = process.argv.slice(2);
const child = spawn(python, ['-u', worker, '--engine', 'fake', '--model', 'fake', '--data-dir', dataDir], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
/** @type {Map<string, import('node:http').ServerResponse>} */
const responses = new Map();
let requests = 0;

createInterface({ input: child.stdout }).on('line', line => {
  const message = JSON.parse(line);
  if (message.type === 'tokens') {
    for (const [id, text] of message.items)
      responses.get(id)?.write(`${JSON.stringify({ response: text })}\n`);
  } else if (message.type === 'done') {
    responses.get(message.id)?.end(`${JSON.stringify({ response: '', done: true, usage: message.usage })}\n`);
    responses.delete(message.id);
  } else if (message.type === 'ready') server.listen(0, '127.0.0.1');
});

const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8');
  req.on('data', chunk => {
    body += chunk;
  });
  req.on('end', () => {
    const id = String(requests++);
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    responses.set(id, res);
    const { prompt, max_tokens } = JSON.parse(body);
    const sampling = {
      max_tokens,
      temperature: 0,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      seed: 0,
      stop: [],
      logprobs: null,
      typical_p: 1,
      repetition_window: 0,
      logit_bias: {},
      constraint: null,
    };
    child.stdin.write(
      `${JSON.stringify({ type: 'generate', id, messages: [{ role: 'user', content: prompt }], sampling })}\n`,
    );
  });
});
server.on('listening', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null)
    process.stdout.write(`listens on http://127.0.0.1:${address.port}\n`);
});
process.on('SIGTERM', () => {
  child.kill('SIGKILL');
  process.exit(0);
});
