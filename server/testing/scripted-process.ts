// A worker process that is none: a test says its lines and ends it, and reads what it was sent. For fake clocks.
import { PassThrough } from 'node:stream';
import type { ProcessExit, SpawnWorker, WorkerProcess } from '../worker/process.js';
import { type GatewayMessage, PROTOCOL_VERSION, type WorkerMessage } from '../worker/protocol.js';
import { pass } from './fake-clock.js';

export const READY: WorkerMessage = {
  type: 'ready',
  protocol: PROTOCOL_VERSION,
  model: {
    id: 'scripted',
    digest: 'sha256:00',
    architecture: 'None',
    parameters: 0,
    context_length: 8192,
    dtype: 'none',
    quantization: 'none',
    device: 'cpu',
    chat_template: true,
    tool_format: null,
    perplexity: null,
    details: null,
  },
  engine: 'scripted',
  slots: 32,
  embedder: null,
};

export const HEARTBEAT: WorkerMessage = { type: 'heartbeat', step: 1, running: 0, rss_bytes: 5_000_000 };

export class ScriptedProcess implements WorkerProcess {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<ProcessExit>;
  readonly received: GatewayMessage[] = [];
  readonly signals: string[] = [];
  readonly pid: number;
  /** Signals it dies of. */
  mortalBy: readonly string[] = ['SIGKILL', 'SIGTERM'];
  /** Called with each message it is sent. */
  onReceive: (message: GatewayMessage) => void = () => {};
  #resolve: (exit: ProcessExit) => void = () => {};

  constructor(pid: number) {
    this.pid = pid;
    this.exit = new Promise(resolve => {
      this.#resolve = resolve;
    });
    this.stdin.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('utf8').split('\n').filter(Boolean)) {
        const message = JSON.parse(line) as GatewayMessage;
        this.received.push(message);
        this.onReceive(message);
      }
    });
  }

  /** The first text of an answer, of one token. */
  begin(id: string, text: string): void {
    this.say(
      { type: 'started', id, prompt_tokens: 1, cached_tokens: 0 },
      { type: 'tokens', items: [[id, text, 1]] },
    );
  }

  say(...messages: (WorkerMessage | string)[]): void {
    for (const message of messages) {
      this.stdout.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
    }
  }

  /** Streams the words as one token each and finishes. */
  answer(id: string, words: readonly string[]): void {
    this.say({ type: 'started', id, prompt_tokens: 1, cached_tokens: 0 });
    for (const word of words) this.say({ type: 'tokens', items: [[id, word, 1]] });
    this.say(doneMessage(id, words.length));
  }

  end(exit: Partial<ProcessExit>): void {
    this.stdin.destroy();
    this.stdout.end();
    this.stderr.end();
    this.#resolve({ code: null, signal: null, spawnError: null, ...exit });
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(name);
    if (this.mortalBy.includes(name)) this.end({ signal: name });
  }

  /** Ids of the generate messages it got, in order. */
  generated(): string[] {
    return this.received.flatMap(message => (message.type === 'generate' ? [message.id] : []));
  }
}

export function doneMessage(
  id: string,
  tokens: number,
  reason: 'stop' | 'length' | 'cancelled' = 'stop',
): WorkerMessage {
  return {
    type: 'done',
    id,
    reason,
    stop_sequence: null,
    usage: { prompt_tokens: 1, cached_tokens: 0, completion_tokens: tokens },
    timings: { queue: 0, prefill: 1, decode: 2 },
    numerics: 'none',
  };
}

/** Lets a fake clock run while the child gives a sign of life every second. */
export async function passAlive(
  child: ScriptedProcess,
  ms: number,
  sign: WorkerMessage = HEARTBEAT,
): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    child.say(sign);
    await pass(1_000);
  }
}

export interface ScriptedSpawn {
  readonly spawn: SpawnWorker;
  readonly processes: ScriptedProcess[];
  /** The latest. @throws Error when none was started. */
  current(): ScriptedProcess;
}

/** @param onSpawn what each process does at its start; `nth` counts from 1. */
export function scriptedSpawn(
  onSpawn: (child: ScriptedProcess, nth: number) => void = () => {},
): ScriptedSpawn {
  const processes: ScriptedProcess[] = [];
  return {
    processes,
    spawn: () => {
      const child = new ScriptedProcess(1_000_000 + processes.length);
      processes.push(child);
      onSpawn(child, processes.length);
      return child;
    },
    current: () => {
      const child = processes.at(-1);
      if (child === undefined) throw new Error('no process was started');
      return child;
    },
  };
}
