// The one reader of the environment: every setting, its default and what it means. Knows no other part.
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '..');
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'] as const;
const MINUTE_MS = 60_000;

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `at least ${min}`).max(max, `at most ${max}`));
const flag = () =>
  z
    .enum(['true', 'false', '1', '0'], 'true, false, 1 or 0')
    .transform(value => value === 'true' || value === '1');
const file = () =>
  z
    .string()
    .min(1, 'a path')
    .transform(value =>
      path.resolve(
        REPOSITORY_DIR,
        value.replace(/^~(?=\/|$)/, () => homedir()),
      ),
    );

const list = (item: RegExp, what: string) =>
  z
    .string()
    .transform(text => text.split(','))
    .pipe(z.array(z.string().regex(item, what)));

interface Setting {
  readonly schema: z.ZodType<unknown, string>;
  /** As one would write it in the environment; null means unset. */
  readonly fallback: string | null;
  readonly about: string;
}

/** Order is the README's order. */
export const SETTINGS = {
  PORT: { schema: whole(0, 65_535), fallback: '3000', about: 'Port to listen on; 0 takes any free one.' },
  HOST: {
    schema: z.enum(
      LOOPBACK,
      `one of ${LOOPBACK.join(', ')}: there are no API keys yet that would guard a public address`,
    ),
    fallback: '127.0.0.1',
    about: 'Loopback address to listen on.',
  },
  MINIVAULT_ALLOWED_HOSTS: {
    schema: list(/^[a-z\d.-]{1,253}$/, 'host names in lower case, without port, with commas between them'),
    fallback: null,
    about:
      'Names, with commas between them, that the gateway may be reached by beside localhost; any other `Host` is refused.',
  },
  MINIVAULT_CORS_ORIGINS: {
    schema: list(
      /^[a-z][a-z\d+.-]*:\/\/[^\s/,*]+$/,
      'origins such as http://localhost:5173, with commas between them',
    ),
    fallback: null,
    about:
      'Origins, with commas between them, whose web pages may use the gateway; pages of any other are refused.',
  },
  LOG_JSON: { schema: flag(), fallback: 'false', about: 'Console messages as JSON lines instead of text.' },
  LOG_LEVEL: {
    schema: z.enum(['error', 'warn', 'info', 'debug'], 'error, warn, info or debug'),
    fallback: 'info',
    about: 'Least severe console message that is shown.',
  },
  MINIVAULT_MODEL: {
    schema: z.string().min(1, 'a folder, a GGUF file or a hub id'),
    fallback: 'smollm2-135m-instruct',
    about:
      'Model: the packaged one, a folder, a GGUF file, or a hub id (the only case that uses the network).',
  },
  EMBEDDING_MODEL: {
    schema: z.string().min(1, 'all-minilm-l6-v2 or a folder'),
    fallback: 'all-minilm-l6-v2',
    about: 'Embedder: the packaged one, or a folder with a sentence-transformers model in safetensors.',
  },
  MINIVAULT_MODEL_ALIASES: {
    schema: z
      .string()
      .regex(/^[^\s,]+(?:,[^\s,]+)*$/, 'names with commas between them, or *')
      .transform(text => text.split(',')),
    fallback: null,
    about:
      'Names, with commas between them, that clients may call the served model by, beside its own; `*` lets them use any.',
  },
  MINIVAULT_ENGINE: {
    schema: z.enum(['batched', 'streamer', 'fake'], 'batched, streamer or fake'),
    fallback: 'batched',
    about:
      'Engine of the worker; `batched` answers several prompts at once, `streamer` one after the other, `fake` echoes the prompt without a model.',
  },
  MINIVAULT_SLOTS: {
    schema: whole(1, 256),
    fallback: null,
    about: 'Prompts that `batched` answers at once; unset, it chooses by cores and free memory.',
  },
  MINIVAULT_QUANTIZATION: {
    schema: z.enum(['none', 'int8', 'auto'], 'none, int8 or auto'),
    fallback: 'auto',
    about:
      'Rounding of the weights that `batched` computes with; `auto` is int8 where that costs at most 3 % of perplexity.',
  },
  MINIVAULT_THREADS: {
    schema: whole(1, 64),
    fallback: null,
    about: 'Threads of a `batched` step in int8; unset, one a core.',
  },
  MINIVAULT_DATA_DIR: {
    schema: file(),
    fallback: 'data',
    about: 'Folder for converted models and other state.',
  },
  MINIVAULT_PYTHON: {
    schema: file(),
    fallback: process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python',
    about: 'Python that runs the worker.',
  },
  MINIVAULT_SETUP_PYTHON: {
    schema: z.string().min(1, 'a command or a path'),
    fallback: null,
    about: 'Python that set-up makes `.venv` with, when the one it finds on PATH is not the right one.',
  },
  MINIVAULT_LOG_FILE: { schema: file(), fallback: 'logs/log.jsonl', about: 'Where exchanges are appended.' },
  MINIVAULT_LOG_MAX_BYTES: {
    schema: whole(1_024, 1e12),
    fallback: String(64 * 1024 * 1024),
    about: 'Size at which the log is rotated to a numbered file; nothing is deleted.',
  },
  MINIVAULT_LOG_FSYNC: {
    schema: z.enum(['everysec', 'always', 'no'], 'everysec, always or no'),
    fallback: 'everysec',
    about:
      'When the log is forced to disk: at most one second late, before each answer ends, or when the system likes.',
  },
  DATABASE_URL: {
    schema: z.string().regex(/^postgres(?:ql)?:\/\/\S+$/, 'postgresql://user:password@host:5432/name'),
    fallback: null,
    about: 'PostgreSQL that holds history and documents; unset, one embedded in the data folder does.',
  },
  MINIVAULT_VAULT: {
    schema: z.enum(['on', 'off'], 'on or off'),
    fallback: 'on',
    about:
      'Whether exchanges are also put into the database for history, search and documents; the log is written in any case.',
  },
  MINIVAULT_LANGUAGE: {
    schema: z
      .string()
      .regex(/^[a-z]{3,20}$/, "the name of one of PostgreSQL's text search configurations, such as english"),
    fallback: 'english',
    about: 'Language whose word forms search knows: PostgreSQL has 29, and `simple` for none.',
  },
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
    about: 'Clients of the two-step chat at once; one more is refused with 429.',
  },
  MINIVAULT_DRAIN_TIMEOUT_MS: {
    schema: whole(0, 1e9),
    fallback: '25000',
    about: 'How long running answers may go on after SIGTERM or Ctrl-C.',
  },
  MINIVAULT_FAKE_PLAN: {
    schema: z.string(),
    fallback: null,
    about: 'JSON of the fake engine: its pace and the faults it plays (tests and demonstrations).',
  },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
type Value<N extends Name> =
  | z.output<(typeof SETTINGS)[N]['schema']>
  | ((typeof SETTINGS)[N]['fallback'] extends null ? null : never);

export type Config = { readonly [N in Name]: Value<N> };

/** All that is wrong with the environment, one line a fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/**
 * Reads every setting; an empty variable counts as wrong, not as unset.
 * @throws ConfigError listing all faults with name, value and what is allowed.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const raw = env[name] ?? setting.fallback;
    if (raw === null) {
      values[name] = null;
      continue;
    }
    const parsed = setting.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else faults.push(`${name}=${JSON.stringify(raw)}: ${parsed.error.issues[0]?.message ?? 'not valid'}`);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze(values) as Config;
}

/** The environment as it is: the worker is given its part, and misspelt names are found; every setting comes from readConfig. */
export function inheritedEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

export interface SettingDescription {
  readonly name: string;
  readonly fallback: string;
  readonly about: string;
}

/** The rows of the README's configuration table and of `--help`. */
export function describeConfig(): SettingDescription[] {
  return Object.entries<Setting>(SETTINGS).map(([name, { fallback, about }]) => ({
    name,
    fallback: fallback ?? '',
    about,
  }));
}
