// System C through the EventSource of npm.
import { type ErrorEvent, EventSource } from 'eventsource';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { openCuttingProxy } from '../testing/cutting-proxy.js';
import { submitJob } from '../testing/job-stream.js';
import { type StartAppOptions, type StartedApp, startApp } from '../testing/start-app.js';
import { until } from '../testing/until.js';

let app: StartedApp;
afterEach(() => app.close());

async function start(options: StartAppOptions): Promise<void> {
  app = await startApp(options);
  await app.ready();
}

interface Listening {
  readonly source: EventSource;
  readonly heard: string[];
  /** Status of the answer that ended it for good. */
  readonly codes: (number | undefined)[];
  text(): string;
}

function listen(address: string): Listening {
  const source = new EventSource(address);
  onTestFinished(() => source.close());
  const heard: string[] = [];
  const codes: (number | undefined)[] = [];
  let text = '';
  for (const name of ['queued', 'started', 'token', 'done', 'reset', 'replaced', 'open']) {
    source.addEventListener(name, ({ data }) => {
      heard.push(name);
      if (name === 'token') text += (JSON.parse(data) as { text: string }).text;
      if (name === 'reset') ({ text } = JSON.parse(data) as { text: string });
    });
  }
  source.addEventListener('error', event => codes.push((event as ErrorEvent).code));
  return { source, heard, codes, text: () => text };
}

const streamOf = (url: string, query = '') => `${url}/api/v1/chat/stream/npm${query}`;
const count = (heard: readonly string[], name: string) => heard.filter(each => each === name).length;

describe('EventSource', () => {
  it('hears a job whole, whatever characters it has', async () => {
    const text = 'Zeile\r\nline\u2028línea\u2029👋 data: x\n\n: y';
    await start({ plan: { tokens: 9, rules: [{ match: 'odd', text }] } });
    const listening = listen(streamOf(app.url));
    await until(() => listening.heard.includes('open'));
    await submitJob(app.url, 'npm', 'odd', { max_tokens: 3 });
    await until(() => listening.heard.includes('done'));
    expect(text).toContain(listening.text().trim());
    expect(listening.text()).toMatch(/\u2028/);
  });

  it('comes back where its connection broke, without a gap or a repeat', async () => {
    await start({ plan: { tokens: 60, gap_ms: 50 } });
    const proxy = await openCuttingProxy(app.url);
    onTestFinished(proxy.close);
    const listening = listen(streamOf(proxy.url));
    await until(() => listening.heard.includes('open'));
    await submitJob(app.url, 'npm', 'one two three');
    await until(() => count(listening.heard, 'token') > 5);
    proxy.cut();
    await until(() => listening.heard.includes('done'));
    expect([count(listening.heard, 'open'), count(listening.heard, 'token')]).toEqual([2, 60]);
    expect(listening.text()).toBe(Array(20).fill('one two three').join(' '));
  });

  it('reads a job from any point by name, and is told to stay away when all is said', async () => {
    await start({ plan: { tokens: 5 } });
    const first = listen(streamOf(app.url));
    await until(() => first.heard.includes('open'));
    const { body } = await submitJob(app.url, 'npm', 'one two');
    await until(() => first.heard.includes('done'));
    first.source.close();
    const again = listen(streamOf(app.url, `?from=${body.job_id}:0`));
    await until(() => again.source.readyState === EventSource.CLOSED);
    expect(again.text()).toBe('one two one two one');
    expect(again.codes.at(-1)).toBe(204);
  });

  it('stays away from a gateway that stops', async () => {
    await start({});
    const listening = listen(streamOf(app.url));
    await until(() => listening.heard.includes('open'));
    await app.parts.drain(1_000);
    await until(() => listening.source.readyState === EventSource.CLOSED);
    expect(listening.codes.at(-1)).toBe(503);
  });
});
