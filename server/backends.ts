// Which backend answers prompts and which makes vectors, as the settings say, and how their lines follow them. Nothing
// runs before `start`.
import path from 'node:path';
import type { Backend, BackendStatus, EmbedBackend } from './backend/backend.js';
import type { Config } from './config.js';
import type { TokenRecorder } from './domain/recorder.js';
import { AppError } from './errors.js';
import type { Admission } from './generation/admission.js';
import type { Logger } from './log.js';
import { SILENT_RECORDER } from './metrics/silent-recorder.js';
import { createOpenAiEmbedder, openAiEmbedderOptionsFrom } from './upstream/openai-embedder.js';
import { createUpstream, upstreamOptionsFrom } from './upstream/upstream.js';
import {
  createWorker,
  REPOSITORY_DIR,
  type WorkerConfig,
  workerOptionsFrom,
} from './worker/create-worker.js';
import { expectedModelId } from './worker/expected-model-id.js';

const PACKAGED_EMBEDDER = 'all-minilm-l6-v2';
const RETRY_WHEN_FAILED_MS = 60_000;

export interface Backends {
  /** Answers prompts, and tells who makes vectors; starting or stopping it does the same to both. */
  readonly prompts: Backend;
  readonly texts: EmbedBackend;
  /** What the model is called before it has loaded. */
  readonly expectedModel: string;
  readonly expectedEmbedder: string;
  /** Further names that clients may call the embedder by. */
  readonly embedderAliases: readonly string[];
}

export function createBackends(config: Config, logger: Logger, recorder: TokenRecorder): Backends {
  const isUpstream = config.MINIVAULT_BACKEND === 'openai';
  const embedsElsewhere = config.USE_OPENAI_EMBEDDINGS;
  const upstream = isUpstream ? createUpstream({ ...upstreamOptionsFrom(config, logger), recorder }) : null;
  const embedder = embedsElsewhere ? createOpenAiEmbedder(openAiEmbedderOptionsFrom(config)) : null;
  const names = {
    expectedModel: isUpstream
      ? (config.OPENAI_MODEL ?? '')
      : expectedModelId(config.MINIVAULT_MODEL, config.MINIVAULT_ENGINE, REPOSITORY_DIR),
    expectedEmbedder: embedsElsewhere ? config.OPENAI_EMBEDDING_MODEL : path.basename(config.EMBEDDING_MODEL),
    embedderAliases: embedsElsewhere ? [] : embedderNames(config.EMBEDDING_MODEL),
  };
  if (upstream !== null && embedder !== null) {
    return { prompts: together(upstream, embedder), texts: embedder, ...names };
  }
  const worker = createWorker({
    ...workerOptionsFrom(isUpstream ? withoutModel(config) : config, logger),
    recorder,
  });
  if (upstream !== null) return { prompts: together(upstream, worker), texts: worker, ...names };
  if (embedder !== null) return { prompts: together(worker, embedder), texts: embedder, ...names };
  return { prompts: worker, texts: worker, ...names };
}

/** The line moves only while its backend can take something. */
export function followBackend(
  admission: Admission,
  status: Pick<BackendStatus, 'state' | 'fault'>,
  slots: number,
): void {
  if (status.state === 'ready') admission.open(slots);
  else if (status.state === 'failed') {
    admission.refuse(
      new AppError('model_unavailable', status.fault ?? 'The worker failed.', {
        retryAfterMs: RETRY_WHEN_FAILED_MS,
      }),
    );
  } else admission.pause();
}

/** What makes vectors, alone: for programs that ask nothing else. */
export function createTextBackend(config: Config, logger: Logger): EmbedBackend {
  if (config.USE_OPENAI_EMBEDDINGS) return createOpenAiEmbedder(openAiEmbedderOptionsFrom(config));
  return createWorker({ ...workerOptionsFrom(withoutModel(config), logger), recorder: SILENT_RECORDER });
}

/** The worker is there for vectors alone. */
function withoutModel(config: Config): WorkerConfig {
  return config.MINIVAULT_ENGINE === 'fake' ? config : { ...config, MINIVAULT_ENGINE: 'none' };
}

function together(prompts: Backend, texts: EmbedBackend): Backend {
  return {
    ...prompts,
    status: () => ({ ...prompts.status(), embedder: texts.status().embedder }),
    onChange: listener => {
      const subscriptions = [
        prompts.onChange(listener),
        texts.onChange(() => listener({ ...prompts.status(), embedder: texts.status().embedder })),
      ];
      return () => {
        for (const unsubscribe of subscriptions) unsubscribe();
      };
    },
    start: () => {
      prompts.start();
      texts.start();
    },
    stop: async () => {
      await Promise.all([prompts.stop(), texts.stop()]);
    },
    kill: () => {
      prompts.kill();
      texts.kill();
    },
  };
}

/** What the packaged embedder is called elsewhere: on the hub and in Ollama's library. */
function embedderNames(reference: string): readonly string[] {
  if (reference !== PACKAGED_EMBEDDER) return [];
  return [`sentence-transformers/${reference}`, 'all-minilm', 'all-minilm:l6-v2', 'all-minilm:22m'];
}
