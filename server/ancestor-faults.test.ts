// The thirteen bugs of the server that this one replaces (faults.md C0), each as a regression test. Numbers 9 and 10
// need a process of their own and stand in main.test.ts; 11 and 12 are the engine's, in python/tests/test_streamer.py.
import { afterEach, describe, expect, it } from 'vitest';
import { answerOf, openStream, parseLines, readStream } from './testing/read-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from './testing/start-app.js';

let app: StartedApp;
afterEach(() => app.close());

const start = async (plan: StartAppOptions['plan'] = {}, env: Record<string, string> = {}) => {
  app = await startApp({ plan: { tokens: 6, ...plan }, env });
};
const ask = async (prompt: string) => readStream(`${app.url}/generate`, { body: { prompt } });
const answer = async (prompt: string) => answerOf((await ask(prompt)).text);
const repeated = (word: string, count = 6) => Array(count).fill(word).join(' ');

describe('the ancestor’s faults', () => {
  it('1: what the worker writes to stderr ends no stream and starts no other prompt', async () => {
    await start({ rules: [{ match: 'NOISY', at: 2, do: 'stderr:1MB' }] });
    const [noisy, quiet] = await Promise.all([answer('NOISY'), answer('quiet')]);
    expect([noisy, quiet]).toEqual([repeated('NOISY'), repeated('quiet')]);
  });

  it('2: a newline in a prompt makes no second prompt and shifts no answer', async () => {
    await start();
    const prompts = ['one\ntwo', 'three\r\nfour', 'five\u2028six', 'seven'];
    const answers = await Promise.all(prompts.map(answer));
    expect(answers).toEqual([
      repeated('one two', 3),
      repeated('three four', 3),
      repeated('five six', 3),
      repeated('seven'),
    ]);
  });

  it.each(['__END__', '__READY__', '__EN D__', '{"type":"done"}', '[DONE]'])(
    '3 and 4: %s in prompt and answer is only text',
    async marker => {
      await start({ rules: [{ match: 'MARK', text: `before ${marker} after` }] });
      const [inAnswer, inPrompt, next] = await Promise.all([answer('MARK'), answer(marker), answer('next')]);
      expect(inAnswer).toBe(`before ${marker} after`);
      expect(inPrompt.startsWith(marker)).toBe(true);
      expect(next).toBe(repeated('next'));
    },
  );

  it('5: characters of several bytes survive any cut of the bytes', async () => {
    await start({ rules: [{ match: 'CUT', text: 'Grüße 👋🏽 日本語 नमस्ते', do: 'half_utf8' }] });
    expect(await answer('CUT')).toBe('Grüße 👋🏽 日本語 नमस्ते');
  });

  it('6: a client that is gone stops its generation and frees the queue', async () => {
    await start({ gap_ms: 5, rules: [{ match: 'long', tokens: 100_000 }] });
    const gone = await openStream(`${app.url}/generate`, { body: { prompt: 'long', max_tokens: 100_000 } });
    await gone.seen(text => text.includes('"long"'));
    gone.leave();
    expect(await answer('next')).toBe(repeated('next'));
  });

  it('7: the death of the worker leaves nobody waiting for ever, and the gateway alive', async () => {
    await start({ rules: [{ match: 'DIE', at: 1, do: 'exit:1' }] });
    const [dead, ...others] = await Promise.all([ask('DIE'), answer('a'), answer('b')]);
    expect(parseLines(dead?.text ?? '').at(-1)).toMatchObject({ error: { code: 'worker_crashed' } });
    expect(others).toEqual([repeated('a'), repeated('b')]);
  });

  it('8: the queue has a bound', async () => {
    await start({ load_ms: 300 }, { MINIVAULT_QUEUE_MAX_WAITING: '5' });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(`p${i}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(7);
  });

  it('13: a failure is never logged as a completed answer', async () => {
    await start({ rules: [{ match: 'RAISE', at: 3, do: 'raise' }] });
    const { text } = await ask('RAISE');
    expect(parseLines(text).at(-1)).toMatchObject({ done_reason: 'error', error: { code: 'worker_error' } });
    expect(await answer('next')).toBe(repeated('next'));
    expect(await app.readLog()).toMatchObject([
      { prompt: 'RAISE', status: 'failed', error: { code: 'worker_error' }, response: repeated('RAISE', 3) },
      { prompt: 'next', status: 'completed' },
    ]);
  });
});
