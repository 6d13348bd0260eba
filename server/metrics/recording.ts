// What the parts tell, put into counters and histograms. Knows no source that is asked when somebody looks.
import type { ExchangeRecorder, Recorder } from '../domain/recorder.js';
import type { Instruments } from './instruments.js';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export interface RecordingOptions {
  readonly instruments: Instruments;
  /** Between the pieces of an answer, in seconds. */
  readonly gap: (seconds: number) => void;
  /** What the model is called that answers now. */
  readonly model: () => string;
}

export function createRecording({ instruments, gap, model }: RecordingOptions): Recorder {
  const { counter, histogram } = instruments;
  const exchanges = counter('minivault_exchanges_total');
  const promptTokens = counter('minivault_prompt_tokens_total');
  const cachedTokens = counter('minivault_cached_tokens_total');
  const completionTokens = counter('minivault_completion_tokens_total');
  const firstToken = histogram('minivault_time_to_first_token_seconds');
  const queueWait = histogram('minivault_queue_wait_seconds');
  const prefill = histogram('minivault_prefill_seconds');
  const decode = histogram('minivault_decode_seconds');
  const embeddings = counter('minivault_embeddings_total');
  const embeddedTokens = counter('minivault_embedded_tokens_total');
  const embedDuration = histogram('minivault_embed_duration_seconds');
  const errors = counter('minivault_errors_total');
  const requests = counter('minivault_http_requests_total');
  const requestDuration = histogram('minivault_http_request_duration_seconds');
  const redisFallbacks = counter('minivault_redis_fallbacks_total');

  const exchange = (dialect: string): ExchangeRecorder => ({
    granted: waitedMs => queueWait.observe({ model: model() }, waitedMs / 1000),
    firstToken: sinceAskedMs => firstToken.observe({ model: model(), dialect }, sinceAskedMs / 1000),
    ended: (status, { usage, timings, isKept }) => {
      const labels = { model: model(), dialect };
      exchanges.inc({ status, ...labels });
      if (usage !== null && isKept) {
        promptTokens.inc(labels, usage.promptTokens);
        cachedTokens.inc(labels, usage.cachedTokens);
        completionTokens.inc(labels, usage.completionTokens);
      }
      if (timings !== null && status === 'completed') {
        prefill.observe({ model: labels.model }, timings.prefillMs / 1000);
        decode.observe({ model: labels.model }, timings.decodeMs / 1000);
      }
    },
  });
  return {
    exchange,
    gap: ms => gap(ms / 1000),
    embedded: (status, tokens, ms) => {
      embeddings.inc({ status });
      embeddedTokens.inc(tokens);
      if (status === 'completed') embedDuration.observe(ms / 1000);
    },
    error: code => errors.inc({ code }),
    request: (method, route, status, ms) => {
      const template = route === null ? 'other' : route.replaceAll(/[:*](\w+)/g, '{$1}');
      requests.inc({
        method: METHODS.has(method) ? method : 'other',
        route: template,
        status: status === null ? 'cut' : `${Math.floor(status / 100)}xx`,
      });
      requestDuration.observe({ route: template }, ms / 1000);
    },
    redisFallback: () => redisFallbacks.inc(),
  };
}
