// The client that all figures come from, against servers that do what a gateway must not.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type AskOptions, ask } from './client.mjs';
import { OPENAI_CHAT, PLAIN_TEXT, SIMPLE_NDJSON } from './dialects.mjs';
import { type Entry, Ledger } from './ledger.mjs';
import { createRandom } from './random.mjs';

async function askServer(answer: RequestListener, options: Partial<AskOptions> = {}): Promise<Entry> {
  const server = createServer(answer);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ledger = new Ledger(createRandom(1));
  return ask(`http://127.0.0.1:${port}`, ledger, { dialect: SIMPLE_NDJSON, ...options });
}

const END = '{"response":"","done":true,"done_reason":"stop","id":"1"}\n';

it('puts pieces together, however they are cut, and counts one end', async () => {
  const entry = await askServer((_req, res) => {
    res.write('{"response":"a');
    setTimeout(() => res.end(` b"}\n{"response":" c"}\n${END}`), 20);
  });
  expect(entry).toMatchObject({
    outcome: 'completed',
    text: 'a b c',
    pieces: 2,
    terminals: ['done: stop'],
    id: '1',
  });
});

it('sees an answer without an end, one with two, and words behind an end', async () => {
  const cut = await askServer((_req, res) => res.end('{"response":"a"}\n'));
  expect(cut).toMatchObject({ outcome: 'cut', terminals: [] });
  const twice = await askServer((_req, res) => res.end(END + END));
  expect(twice.terminals).toHaveLength(2);
  const behind = await askServer((_req, res) => res.end(`${END}{"response":"a"}\n`));
  expect(behind.terminals).toContain('text behind the end');
});

it('sees a record that cannot be read', async () => {
  const { terminals } = await askServer((_req, res) => res.end('{"response":\n'));
  expect(terminals[0]).toContain('unreadable');
});

it('knows a failure, a refusal and a broken connection apart', async () => {
  const failed = await askServer((_req, res) =>
    res.end('{"response":"","done":true,"done_reason":"error","error":{"code":"worker_killed"}}\n'),
  );
  expect(failed).toMatchObject({ outcome: 'failed', code: 'worker_killed' });
  const refused = await askServer((_req, res) => res.writeHead(503).end('{"code":"queue_full"}'));
  expect(refused).toMatchObject({ outcome: 'refused', code: 'queue_full', status: 503 });
  const broken = await askServer((_req, res) => {
    res.write('{"response":"a"}\n');
    setTimeout(() => res.destroy(), 20);
  });
  expect(broken).toMatchObject({ outcome: 'cut', text: 'a' });
  const plain = await askServer(
    (_req, res) => {
      res.write('a');
      setTimeout(() => res.destroy(), 20);
    },
    { dialect: PLAIN_TEXT },
  );
  expect(plain).toMatchObject({ outcome: 'failed', code: 'broken', text: 'a' });
});

it('leaves at the piece it was told to, and is not taken for one that had an end', async () => {
  const entry = await askServer((_req, res) => void res.write('{"response":"a"}\n{"response":" b"}\n'), {
    leaveAfterPieces: 1,
  });
  expect(entry).toMatchObject({ outcome: 'left', terminals: [] });
});

it('has left a plain text that was whole when it left, too', async () => {
  const entry = await askServer((_req, res) => res.end('all of it'), {
    dialect: PLAIN_TEXT,
    leaveAfterPieces: 1,
  });
  expect(entry).toMatchObject({ outcome: 'left', terminals: [] });
});

it('finds the nonce of another, wherever it stands', async () => {
  const other = 'q000000000000z';
  const entry = await askServer((_req, res) => res.end(`data: {"id":"x-1","choices":[],"${other}":1}\n\n`), {
    dialect: OPENAI_CHAT,
  });
  expect(entry.strays).toEqual([other]);
});

it('does not wait for ever', async () => {
  const entry = await askServer((_req, res) => void res.write('{"response":"a"}\n'), { patienceMs: 100 });
  expect(entry.outcome).toBe('hung');
});

it('knows when nobody listens', async () => {
  const entry = await ask('http://127.0.0.1:1', new Ledger(createRandom(1)), { dialect: SIMPLE_NDJSON });
  expect(entry.outcome).toBe('unreached');
});
