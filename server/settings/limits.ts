// How many may wait, and how long each thing may take.
import { MINUTE_MS, type Setting, whole } from './setting.js';

export const limitsSettings = {
  MINIVAULT_KEEP_ALIVE_MS: {
    schema: whole(0, 1e15),
    fallback: null,
    about:
      "How long an idle model stays in memory; unset, for ever. Ollama's clients change it with `keep_alive`.",
  },
  MINIVAULT_QUEUE_MAX_WAITING: {
    schema: whole(0, 100_000),
    fallback: '512',
    about: 'Prompts that may wait; one more is refused with 503 and Retry-After.',
  },
  MINIVAULT_QUEUE_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(5 * MINUTE_MS),
    about: 'Longest wait for a slot once the model is ready; the clock rests while it loads.',
  },
  MINIVAULT_LOAD_SILENCE_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(5 * MINUTE_MS),
    about: 'Longest silence of a loading worker before it is restarted.',
  },
  MINIVAULT_FIRST_TOKEN_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(2 * MINUTE_MS),
    about:
      'Longest wait for the first token once the worker has the prompt; the clock rests while its cache has no room.',
  },
  MINIVAULT_TOKEN_GAP_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: '30000',
    about: 'Longest gap between two tokens.',
  },
  MINIVAULT_GENERATION_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(30 * MINUTE_MS),
    about: 'Longest time for a whole answer, counted from its turn.',
  },
  MINIVAULT_WORKER_SILENCE_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: '10000',
    about: 'Longest time without a heartbeat before a ready worker is killed and restarted.',
  },
  MINIVAULT_WORKER_STOP_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: '5000',
    about: 'How long the worker has to obey a cancel or a shutdown before it is killed.',
  },
  MINIVAULT_WORKER_MAX_RSS_BYTES: {
    schema: whole(1, 1e15),
    fallback: null,
    about:
      'Memory over which the worker is replaced as soon as it has finished what it runs; prompts wait meanwhile. Unset, never.',
  },
  MINIVAULT_HEARTBEAT_INTERVAL_MS: {
    schema: whole(1, 1e9),
    fallback: '15000',
    about: 'Silence on a stream after which an empty record keeps it open.',
  },
  MINIVAULT_WRITE_STALL_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(MINUTE_MS),
    about: 'How long a client may take no bytes before its stream is closed.',
  },
  MINIVAULT_RESUME_GRACE_MS: {
    schema: whole(0, 1e9),
    fallback: String(MINUTE_MS),
    about:
      'How long the jobs of a client go on after its stream broke, and how long what it missed is kept; 0 cancels them at once.',
  },
  MINIVAULT_STREAMS_MAX: {
    schema: whole(1, 10_000),
    fallback: '256',
    about:
      'Clients of the two-step chat at once, and clients that watch the line; one more of either is refused with 429.',
  },
  MINIVAULT_STREAMS_PER_KEY_MAX: {
    schema: whole(1, 10_000),
    fallback: '8',
    about: 'The same, with one key.',
  },
  MINIVAULT_DRAIN_TIMEOUT_MS: {
    schema: whole(0, 1e9),
    fallback: '25000',
    about: 'How long running answers may go on after SIGTERM or Ctrl-C.',
  },
} as const satisfies Record<string, Setting>;
