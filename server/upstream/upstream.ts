// Another server as what answers prompts: any that speaks the OpenAI API, another gateway of this program among them.
import type { Backend, BackendStatus } from '../backend/backend.js';
import { NATIVE_TOOLS } from '../backend/backend.js';
import type { Config } from '../config.js';
import type { ModelFacts } from '../domain/model-facts.js';
import type { TokenRecorder } from '../domain/recorder.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import { estimateTokens } from './token-estimate.js';
import { createUpstreamClient } from './upstream-client.js';
import { type Failure, type FailureContext, toFailure } from './upstream-failure.js';
import type { ExtraField } from './upstream-request.js';
import { checkRequest, type RequestOptions } from './upstream-request.js';
import { UpstreamRun, type UpstreamTimeouts } from './upstream-run.js';
import { UpstreamWatch } from './upstream-watch.js';

const DEFAULT_SLOTS = 8;
const FIRST_BACKOFF_MS = 500;
const PROBE_TIMEOUT_MS = 10_000;
const OPENAI_HOST = 'api.openai.com';

export interface UpstreamOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly slots: number;
  readonly contextLength: number;
  readonly extraFields: readonly ExtraField[];
  readonly timeouts: UpstreamTimeouts;
  readonly logger: Logger;
  readonly recorder: TokenRecorder;
  /** For tests. */
  readonly random?: () => number;
}

/** Nothing is sent before `start`. */
export function createUpstream(options: UpstreamOptions): Backend {
  const { baseUrl, apiKey, model, slots, timeouts, logger, recorder } = options;
  const url = shown(baseUrl);
  const client = createUpstreamClient({ baseUrl, apiKey, timeoutMs: timeouts.wholeMs });
  const context: FailureContext = { url, model, apiKey };
  const requestOptions: RequestOptions = {
    model,
    extraFields: new Set(options.extraFields),
    limitName: new URL(baseUrl).hostname === OPENAI_HOST ? 'max_completion_tokens' : 'max_tokens',
  };
  const listeners = new Set<(status: BackendStatus) => void>();
  const runs = new Set<UpstreamRun>();
  let state: BackendStatus['state'] = 'starting';

  const watch = new UpstreamWatch({
    url,
    logger,
    probe: () => probe(client, context),
    onChange: () => tell(),
  });
  const status = (): BackendStatus => ({
    state,
    loading: null,
    model: toFacts(options),
    engine: 'openai',
    embedder: null,
    slots,
    pid: null,
    restarts: 0,
    recycles: 0,
    running: runs.size,
    rssBytes: null,
    lastExit: null,
    fault: null,
    protocolFaults: {},
    upstream: watch.status(),
  });
  const tell = (): void => {
    for (const listener of listeners) listener(status());
  };
  const end = (): void => {
    if (state === 'stopped') return;
    state = 'stopped';
    watch.stop();
    for (const run of runs) run.dismiss(new AppError('shutting_down', 'The gateway is stopping.'));
    tell();
  };

  return {
    check: request => checkRequest(request, requestOptions),
    generate: (request, signal) => {
      const run = new UpstreamRun(request, signal, {
        ...requestOptions,
        client,
        url,
        apiKey,
        timeouts,
        recorder,
        onAnswer: failure => watch.note(failure),
        random: options.random ?? Math.random,
      });
      runs.add(run);
      void run.settled.finally(() => runs.delete(run));
      if (state === 'stopped') run.dismiss(new AppError('shutting_down', 'The gateway is stopping.'));
      return run;
    },
    tokenize: async input => estimateTokens(input),
    detokenize: async () => {
      throw new AppError('unsupported_parameter', 'Token ids are not known here: another server answers.', {
        param: 'prompt',
      });
    },
    status,
    onChange: listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => {
      if (state !== 'starting') return;
      state = 'ready';
      watch.start();
      tell();
    },
    load: () => {},
    unload: async () => false,
    stop: async () => {
      end();
      await Promise.all([...runs].map(run => run.settled));
    },
    kill: end,
  };
}

/** Whatever it answers, it is there; only that the key is refused, or a fault of its own, counts. */
async function probe(
  client: ReturnType<typeof createUpstreamClient>,
  context: FailureContext,
): Promise<Failure | null> {
  try {
    const response = await client.get('/models', { timeout: PROBE_TIMEOUT_MS }).asResponse();
    await response.body?.cancel();
    return null;
  } catch (error) {
    const failure = toFailure(error, context);
    return failure.isDown ? failure : null;
  }
}

function toFacts({ model, contextLength }: UpstreamOptions): ModelFacts {
  return {
    id: model,
    digest: 'unknown',
    architecture: 'unknown',
    parameters: 0,
    context_length: contextLength,
    dtype: 'unknown',
    quantization: 'none',
    device: 'upstream',
    chat_template: true,
    tool_format: NATIVE_TOOLS,
    perplexity: null,
    details: null,
  };
}

function shown(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  return `${origin}${pathname.replace(/\/$/, '')}`;
}

/** What the settings say; they have been checked to be there. */
export function upstreamOptionsFrom(config: Config, logger: Logger): Omit<UpstreamOptions, 'recorder'> {
  return {
    baseUrl: config.OPENAI_BASE_URL,
    apiKey: config.OPENAI_API_KEY ?? '',
    model: config.OPENAI_MODEL ?? '',
    slots: config.MINIVAULT_SLOTS ?? DEFAULT_SLOTS,
    contextLength: config.MINIVAULT_UPSTREAM_CONTEXT_LENGTH,
    extraFields: config.MINIVAULT_UPSTREAM_FIELDS ?? [],
    timeouts: {
      firstTokenMs: config.MINIVAULT_FIRST_TOKEN_TIMEOUT_MS,
      tokenGapMs: config.MINIVAULT_TOKEN_GAP_TIMEOUT_MS,
      wholeMs: config.MINIVAULT_UPSTREAM_TIMEOUT_MS,
      backoffMs: FIRST_BACKOFF_MS,
    },
    logger,
  };
}
