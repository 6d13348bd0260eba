// What is to be seen of one gateway, as the settings say: its metrics and its traces, put together and closed again.
import type { Backend } from './backend/backend.js';
import type { Config } from './config.js';
import type { Admission } from './generation/admission.js';
import type { Observers } from './http/request-watch.js';
import type { Logger } from './log.js';
import { createMetrics, type GatewayMetrics } from './metrics/gateway-metrics.js';
import type { ExchangeLog } from './store/exchange-log.js';
import type { Vault } from './store/vault.js';
import { createTracing, tracingOptionsFrom } from './tracing/tracing.js';

/** What is asked when somebody looks. */
export interface Observed {
  /** What the model is called that answers now. */
  readonly model: () => string;
  readonly worker: Pick<Backend, 'status'>;
  readonly admission: Admission;
  readonly embedAdmission: Admission;
  readonly log: Pick<ExchangeLog, 'status'>;
  readonly vault: Pick<Vault, 'database' | 'status' | 'measure'>;
}

export interface Observation {
  readonly metrics: GatewayMetrics;
  readonly observers: Observers;
  /** Once all of it is there. */
  watch(observed: Observed): void;
  /** Sends the last spans; takes a second at most. */
  close(): Promise<void>;
}

export async function createObservation(
  config: Config,
  version: string,
  logger: Logger,
): Promise<Observation> {
  const metrics = createMetrics(version);
  const tracing = await createTracing({
    ...tracingOptionsFrom(config),
    version,
    warn: (message, fields) => void logger.warn(message, fields),
  });
  return {
    metrics,
    observers: {
      recorder: metrics.recorder,
      tracer: tracing.tracer,
      // A person at the console does not want a line for every request; whoever collects JSON does.
      accessLevel: config.LOG_JSON ? 'info' : 'debug',
    },
    watch: ({ model, worker, admission, embedAdmission, log, vault }) =>
      metrics.watch({
        model,
        worker: () => worker.status(),
        lines: { generation: admission, embedding: embedAdmission },
        log: () => log.status(),
        database: () => ({ state: vault.database.status().state, exchanges: vault.status().indexed }),
        behindBytes: async () => (await vault.measure()).unreadBytes,
      }),
    close: async () => {
      metrics.close();
      await tracing.close();
    },
  };
}
