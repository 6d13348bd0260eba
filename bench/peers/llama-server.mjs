// node-llama-cpp behind the least HTTP that streams: POST with {"prompt","max_tokens"}, NDJSON {"response"} out.
// Its best settings on a CPU: every core, one context whose sequences share each batch, flash attention, prefix reuse.
// Run with the folder of its packages, the GGUF file, the most streams at once and the port.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages = '', modelPath = '', streams = '1', port = '0'] = process.argv.slice(2);
const CONTEXT_TOKENS = 512;
const SYSTEM = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face';

const require = createRequire(path.join(packages, 'package.json'));
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);
const threads = availableParallelism();
const llama = await getLlama({
  gpu: false,
  build: 'never',
  maxThreads: threads,
  logLevel: LlamaLogLevel.error,
  progressLogs: false,
});
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  sequences: Number(streams),
  contextSize: CONTEXT_TOKENS,
  threads: { ideal: threads, min: threads },
  flashAttention: true,
});

/** @type {any[]} */
const idle = Array.from({ length: Number(streams) }, () => context.getSequence());
/** @type {((sequence: any) => void)[]} */
const waiting = [];

/** @param {string} prompt */
function encodePrompt(prompt) {
  const text = `<|im_start|>system\n${SYSTEM}<|im_end|>\n<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`;
  return model.tokenize(text, true);
}

/**
 * @param {any} sequence @param {string} prompt @param {number} maxTokens
 * @param {AbortSignal} signal @param {(text: string) => void} emit
 * @returns {Promise<number>} tokens of the answer
 */
async function generate(sequence, prompt, maxTokens, signal, emit) {
  const tokens = encodePrompt(prompt);
  // The last token is always evaluated: its output is the first of the answer.
  await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
  const rest = tokens.slice(sequence.nextTokenIndex);
  const answer = [];
  for await (const token of sequence.evaluate(rest, { temperature: 0 })) {
    if (model.isEogToken(token) || signal.aborted) break;
    emit(model.detokenize([token], false, answer));
    answer.push(token);
    if (answer.length === maxTokens) break;
  }
  return answer.length;
}

const server = createServer(async (req, res) => {
  if (req.method === 'GET') {
    res.end('ok');
    return;
  }
  let body = '';
  for await (const chunk of req) body += chunk;
  const { prompt, max_tokens: maxTokens } = JSON.parse(body);
  const left = new AbortController();
  res.once('close', () => left.abort());
  const sequence = idle.pop() ?? (await new Promise(resolve => waiting.push(resolve)));
  try {
    const count = left.signal.aborted
      ? 0
      : await generate(sequence, prompt, maxTokens, left.signal, text => {
          res.write(`${JSON.stringify({ response: text })}\n`);
        });
    res.end(`${JSON.stringify({ done: true, usage: { completion_tokens: count } })}\n`);
  } catch (error) {
    res.end(`${JSON.stringify({ error: String(error) })}\n`);
  } finally {
    const next = waiting.shift();
    if (next) next(sequence);
    else idle.push(sequence);
  }
});
server.listen(Number(port), '127.0.0.1');
