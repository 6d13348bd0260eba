// Two gateways of this program, one the upstream of the other: how tests start them, and end them all.
import type { FakePlan } from './fake-plan.js';
import { recordingLogger } from './recording-logger.js';
import { type StartedApp, startApp } from './start-app.js';

/** What the one behind wants; it must show nowhere. */
export const KEY = 'canary-1c6e0a7db2f94c58';

const started: StartedApp[] = [];

export async function startBack(plan: FakePlan, env = {}): Promise<StartedApp> {
  const back = await startApp({ plan, env: { API_KEY: KEY, ...env } });
  started.push(back);
  return back;
}

export async function startFront(url: string, env = {}) {
  const console = recordingLogger();
  const front = await startApp({
    env: {
      MINIVAULT_BACKEND: 'openai',
      OPENAI_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: KEY,
      OPENAI_MODEL: 'fake',
      ...env,
    },
    logger: console.logger,
  });
  started.push(front);
  return { front, console };
}

export async function closeGateways(): Promise<void> {
  await Promise.all(started.splice(0).map(app => app.close()));
}

export async function ask(url: string, path: string, body: object): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}
