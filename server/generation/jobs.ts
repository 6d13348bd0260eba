// Submitted jobs and the clients that hear of them: who is connected, what goes on while a stream is broken, what is
// kept for its return. Knows no wire format.
import { setMaxListeners } from 'node:events';
import type { GenerateRequest } from '../domain/generation.js';
import type { ClientEvent, JobPoint } from '../domain/job.js';
import type { ErrorRecorder } from '../domain/recorder.js';
import { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import { createDeferred, type Deferred } from './deferred.js';
import type { Generate } from './generate.js';
import { JOB_LOG_LIMITS, JobLog, type JobLogLimits } from './job-log.js';
import { type Job, JobReader } from './job-reader.js';
import type { ExchangeContext } from './record.js';
import { type Loading, runJob } from './run-job.js';

const RETRY_WHEN_CROWDED_MS = 5_000;
const MAX_EXPIRED_IDS = 10_000;

export interface JobsOptions {
  readonly generate: Generate;
  /** How long the jobs of a client go on without it, and an ended one is kept, from the moment its end was sent. */
  readonly resumeGraceMs: number;
  readonly maxStreams: number;
  /** Of one caller that has a name. */
  readonly maxStreamsOfCaller: number;
  /** How far the model is; null once it is there. */
  readonly loading: () => Loading | null;
  readonly logger: Logger;
  readonly recorder: ErrorRecorder;
  readonly logLimits?: JobLogLimits;
}

export interface ConnectOptions {
  /** Name of who connects; null while keys are off. */
  readonly caller: string | null;
  /** Where the client stands; null when it does not say. */
  readonly point: JobPoint | null;
  /** It asked for this point by name: what is not there any more is an error, and the stream ends with the last job. */
  readonly isExplicit: boolean;
}

interface Stream {
  /** Resolved when there may be something new to say. */
  wake: Deferred<void>;
  /** Set when the stream is to end, as its last event. */
  end: ClientEvent | null;
}

interface Client {
  /** Whose it is: no other caller hears of it. */
  readonly caller: string | null;
  readonly jobs: Job[];
  /** Aborted when the client is given up: all its jobs are cancelled. */
  readonly gone: AbortController;
  stream: Stream | null;
  graceTimer: NodeJS.Timeout | null;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #clients = new Map<string, Client>();
  /** Caller, client and job, oldest first. */
  readonly #expired = new Set<string>();
  #closing: AppError | null = null;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Clients with an open stream. */
  get connected(): number {
    return [...this.#clients.values()].filter(({ stream }) => stream !== null).length;
  }

  /** Whether a stream from there would say anything. @throws AppError as `connect` does */
  hasMore(clientId: string, options: ConnectOptions): boolean {
    const { jobs } = this.#admit(clientId, options);
    return new JobReader(jobs, options.point).hasMore(jobs);
  }

  /**
   * The stream of a client: all events of its jobs from where it stands, in order, until it leaves, another connection
   * replaces it or the gateway stops. Refusals are thrown by the first `next()`, before any event.
   * @throws AppError too_many_streams, shutting_down; client_id_taken where another caller has a client of that name;
   * job_not_found or job_expired for an explicit point
   */
  async *connect(
    clientId: string,
    options: ConnectOptions,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ClientEvent[]> {
    const { point, isExplicit } = options;
    const client = this.#admit(clientId, options);
    const reader = new JobReader(client.jobs, point);
    const stream = this.#takeOver(clientId, client);
    const onLeave = (): void => stream.wake.resolve();
    signal.addEventListener('abort', onLeave, { once: true });
    try {
      yield [{ type: 'connected' }];
      for (;;) {
        if (stream.end !== null) {
          yield [stream.end];
          return;
        }
        if (signal.aborted) throw new AppError('cancelled', 'The client left.');
        stream.wake = createDeferred();
        const events = reader.take(client.jobs);
        for (const job of client.jobs) if (isOver(job)) this.#expireLater(clientId, client, job);
        if (events.length > 0) yield events;
        else if (reader.hasMore(client.jobs)) await stream.wake.promise;
        else if (isExplicit) {
          yield [{ type: 'finished' }];
          return;
        } else if (this.#closing !== null) throw this.#closing;
        else await stream.wake.promise;
      }
    } finally {
      signal.removeEventListener('abort', onLeave);
      if (client.stream === stream) this.#leave(clientId, client);
    }
  }

  /**
   * Resolves when the job has its place in the line. Its events are told on the client's stream.
   * @throws AppError client_not_connected, and whatever keeps a generation from beginning
   */
  async submit(
    clientId: string,
    request: GenerateRequest,
    context: ExchangeContext,
  ): Promise<{ readonly position: number }> {
    if (this.#closing !== null) throw this.#closing;
    const client = this.#clients.get(clientId);
    if (!client?.stream || client.caller !== context.caller) throw notConnected(clientId);
    const { generate, loading, logger, recorder, logLimits = JOB_LOG_LIMITS } = this.#options;
    const events = generate(request, context, client.gone.signal)[Symbol.asyncIterator]();
    const first = await events.next().catch((error: unknown) => {
      throw client.gone.signal.aborted ? notConnected(clientId) : error;
    });
    const log = new JobLog(logLimits);
    client.jobs.push({ id: request.id, log, deliveredSeq: 0, isExpiring: false });
    const onChange = (): void => client.stream?.wake.resolve();
    void runJob({ log, events, first, requestId: context.requestId, loading, logger, recorder, onChange });
    const [queued] = first.done ? [] : first.value;
    return { position: queued?.type === 'queued' ? queued.position : 0 };
  }

  /**
   * The client is not coming back: its jobs are cancelled now, its stream ends. False when it is not known.
   * @param owner whose it must be; null: anybody's
   */
  giveUp(clientId: string, owner: string | null): boolean {
    const client = this.#clients.get(clientId);
    if (client === undefined || (owner !== null && client.caller !== owner)) return false;
    this.#forget(clientId, client);
    endStream(client, { type: 'finished' });
    return true;
  }

  /** No more streams and jobs; streams end with this error once their jobs have ended. */
  close(error: AppError): void {
    this.#closing = error;
    for (const { stream } of this.#clients.values()) stream?.wake.resolve();
  }

  #admit(clientId: string, { caller, point, isExplicit }: ConnectOptions): Client {
    if (this.#closing !== null) throw this.#closing;
    const known = this.#clients.get(clientId);
    const isOthers = known !== undefined && known.caller !== caller;
    if (isOthers && !isExplicit) {
      throw new AppError('client_id_taken', `Another caller has a client "${clientId}"; take another id.`, {
        param: 'client_id',
      });
    }
    const client = isOthers || known === undefined ? createClient(caller) : known;
    if (client.stream === null) this.#requireRoom(caller);
    if (isExplicit && point !== null && !client.jobs.some(({ id }) => id === point.jobId)) {
      if (this.#expired.has(expiredName(client, clientId, point.jobId))) {
        throw new AppError('job_expired', `Job "${point.jobId}" ended too long ago.`);
      }
      throw new AppError('job_not_found', `Client "${clientId}" has no job "${point.jobId}".`);
    }
    return client;
  }

  #requireRoom(caller: string | null): void {
    const { maxStreams, maxStreamsOfCaller } = this.#options;
    const open = [...this.#clients.values()].filter(({ stream }) => stream !== null);
    const own = open.filter(client => client.caller === caller).length;
    const retryAfterMs = RETRY_WHEN_CROWDED_MS;
    if (open.length >= maxStreams) {
      throw new AppError('too_many_streams', `${open.length} clients have a stream open.`, { retryAfterMs });
    }
    if (caller === null || own < maxStreamsOfCaller) return;
    throw new AppError('too_many_streams', `This key has ${own} streams open.`, { retryAfterMs });
  }

  #takeOver(clientId: string, client: Client): Stream {
    endStream(client, { type: 'replaced' });
    if (client.graceTimer !== null) clearTimeout(client.graceTimer);
    client.graceTimer = null;
    client.stream = { wake: createDeferred(), end: null };
    this.#clients.set(clientId, client);
    return client.stream;
  }

  #leave(clientId: string, client: Client): void {
    client.stream = null;
    const { resumeGraceMs } = this.#options;
    if (client.jobs.length === 0 || resumeGraceMs === 0) this.#forget(clientId, client);
    else client.graceTimer = setTimeout(() => this.#forget(clientId, client), resumeGraceMs).unref();
  }

  #forget(clientId: string, client: Client): void {
    if (client.graceTimer !== null) clearTimeout(client.graceTimer);
    if (this.#clients.get(clientId) === client) this.#clients.delete(clientId);
    client.gone.abort();
    for (const job of [...client.jobs]) this.#expire(clientId, client, job);
  }

  #expireLater(clientId: string, client: Client, job: Job): void {
    if (job.isExpiring) return;
    job.isExpiring = true;
    setTimeout(() => this.#expire(clientId, client, job), this.#options.resumeGraceMs).unref();
  }

  #expire(clientId: string, client: Client, job: Job): void {
    const index = client.jobs.indexOf(job);
    if (index < 0) return;
    client.jobs.splice(index, 1);
    this.#expired.add(expiredName(client, clientId, job.id));
    for (const oldest of this.#expired) {
      if (this.#expired.size <= MAX_EXPIRED_IDS) break;
      this.#expired.delete(oldest);
    }
  }
}

/** What ended is told to its own caller alone. */
function expiredName({ caller }: Client, clientId: string, jobId: string): string {
  return JSON.stringify([caller, clientId, jobId]);
}

function createClient(caller: string | null): Client {
  const gone = new AbortController();
  // One signal for all its jobs, however many wait.
  setMaxListeners(0, gone.signal);
  return { caller, jobs: [], gone, stream: null, graceTimer: null };
}

function notConnected(clientId: string): AppError {
  return new AppError(
    'client_not_connected',
    `Client "${clientId}" has no open stream; open it before submitting a job.`,
    { param: 'client_id' },
  );
}

function endStream({ stream }: Client, event: ClientEvent): void {
  if (stream === null) return;
  stream.end = event;
  stream.wake.resolve();
}

function isOver({ log, deliveredSeq }: Job): boolean {
  return log.isEnded && deliveredSeq === log.lastSeq;
}
