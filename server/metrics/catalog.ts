// Every metric there is: its name, what it counts and by what. The README's table is this one; knows no value.

export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Of a histogram: upper bounds. */
  readonly buckets?: readonly number[];
}

const MODEL_AND_DIALECT = ['model', 'dialect'] as const;

/** Names are `minivault_<noun>_<unit>`; labels never name a caller, an id or a path that is none of ours. */
export const METRICS = {
  minivault_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels tell which program runs.',
    labels: ['version', 'node'],
  },
  minivault_start_time_seconds: { type: 'gauge', help: 'Unix time at which it started.', labels: [] },

  minivault_http_requests_total: {
    type: 'counter',
    help: 'Requests by method, route and class of status; `cut` ended before their answer did.',
    labels: ['method', 'route', 'status'],
  },
  minivault_http_request_duration_seconds: {
    type: 'histogram',
    help: 'From the request to the end of its answer.',
    labels: ['route'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
  },
  minivault_exchanges_total: {
    type: 'counter',
    help: 'Prompts that had a place in the line, by how they ended: completed, failed, cancelled, or cancelled_queued (left before they had a slot).',
    labels: ['status', ...MODEL_AND_DIALECT],
  },
  minivault_errors_total: {
    type: 'counter',
    help: 'Errors that clients were told, by code.',
    labels: ['code'],
  },
  minivault_prompt_tokens_total: {
    type: 'counter',
    help: 'Tokens of prompts of all exchanges that are in the log.',
    labels: MODEL_AND_DIALECT,
  },
  minivault_cached_tokens_total: {
    type: 'counter',
    help: 'Of those, the ones whose cache was reused.',
    labels: MODEL_AND_DIALECT,
  },
  minivault_completion_tokens_total: {
    type: 'counter',
    help: 'Tokens of answers of all exchanges that are in the log.',
    labels: MODEL_AND_DIALECT,
  },
  minivault_embeddings_total: {
    type: 'counter',
    help: 'Requests for vectors, the own ones for search among them, by how they ended.',
    labels: ['status'],
  },
  minivault_embedded_tokens_total: {
    type: 'counter',
    help: 'Tokens of the texts that became vectors.',
    labels: [],
  },

  minivault_time_to_first_token_seconds: {
    type: 'histogram',
    help: 'From the request to the first text, waiting included.',
    labels: MODEL_AND_DIALECT,
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60],
  },
  minivault_inter_token_gap_seconds: {
    type: 'histogram',
    help: 'Between two pieces of one answer, as the worker gives them; its count is their number.',
    labels: ['model'],
    buckets: [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
  },
  minivault_queue_wait_seconds: {
    type: 'histogram',
    help: 'From the request to its slot.',
    labels: ['model'],
    buckets: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300],
  },
  minivault_prefill_seconds: {
    type: 'histogram',
    help: 'From the start in the worker to the first token.',
    labels: ['model'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
  },
  minivault_decode_seconds: {
    type: 'histogram',
    help: 'From the first token to the last.',
    labels: ['model'],
    buckets: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  },
  minivault_embed_duration_seconds: {
    type: 'histogram',
    help: 'From a request for vectors to its answer, waiting included.',
    labels: [],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30],
  },

  minivault_slots: { type: 'gauge', help: 'How many may run at once.', labels: ['line'] },
  minivault_running_requests: { type: 'gauge', help: 'How many hold a slot.', labels: ['line'] },
  minivault_waiting_requests: { type: 'gauge', help: 'How many wait for one.', labels: ['line'] },
  minivault_redis_fallbacks_total: {
    type: 'counter',
    help: 'Limits that were asked of this process alone, because Redis did not answer.',
    labels: [],
  },

  minivault_worker_state: { type: 'gauge', help: '1 for the state it is in.', labels: ['state'] },
  minivault_worker_restarts_total: {
    type: 'counter',
    help: 'Times a worker was started again.',
    labels: [],
  },
  minivault_worker_recycles_total: {
    type: 'counter',
    help: 'Times a worker was replaced between prompts because it took too much memory.',
    labels: [],
  },
  minivault_worker_resident_bytes: { type: 'gauge', help: 'Memory of the worker.', labels: [] },
  minivault_worker_faults_total: {
    type: 'counter',
    help: 'What the worker said that was not of the protocol, by kind.',
    labels: ['kind'],
  },
  minivault_upstream_down: {
    type: 'gauge',
    help: '1 while the other server that answers is away.',
    labels: [],
  },

  minivault_log_degraded: { type: 'gauge', help: '1 while the disk does not take the log.', labels: [] },
  minivault_log_spooled_exchanges: {
    type: 'gauge',
    help: 'Exchanges that wait in memory because of that.',
    labels: [],
  },
  minivault_log_dropped_exchanges_total: {
    type: 'counter',
    help: 'Exchanges given up because of that.',
    labels: [],
  },
  minivault_database_state: { type: 'gauge', help: '1 for the state it is in.', labels: ['state'] },
  minivault_database_behind_bytes: {
    type: 'gauge',
    help: 'Of the log, what the database has not yet; absent while it is away.',
    labels: [],
  },
  minivault_database_exchanges_total: {
    type: 'counter',
    help: 'Exchanges that were put into the database, or found there.',
    labels: [],
  },

  minivault_gateway_resident_bytes: { type: 'gauge', help: 'Memory of the gateway.', labels: [] },
  minivault_gateway_heap_bytes: { type: 'gauge', help: 'Of that, JavaScript objects.', labels: [] },
  minivault_gateway_cpu_seconds_total: {
    type: 'counter',
    help: 'Processor time of the gateway.',
    labels: [],
  },
  minivault_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late the event loop was since the last time this was asked; quantile 1 is the worst.',
    labels: ['quantile'],
  },
} as const satisfies Record<string, MetricFacts>;

export type MetricName = keyof typeof METRICS;
export type NamesOf<Type extends MetricFacts['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

export interface MetricDescription extends MetricFacts {
  readonly name: MetricName;
}

/** The rows of the README's table of metrics. */
export function describeMetrics(): MetricDescription[] {
  return (Object.entries(METRICS) as [MetricName, MetricFacts][]).map(([name, facts]) => ({
    name,
    ...facts,
  }));
}
