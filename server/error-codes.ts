// The table of all errors that this program can report. Knows no wire format.

/** status: HTTP before the first byte. retryable: the same request may succeed later (sent as Retry-After). about: for the README. */
export const ERRORS = {
  invalid_json: {
    status: 400,
    retryable: false,
    about: 'The body is not JSON, or is nested deeper than 32 levels.',
  },
  invalid_request: {
    status: 400,
    retryable: false,
    about: 'A field is missing, wrong or unknown; `param` names it.',
  },
  invalid_unicode: {
    status: 400,
    retryable: false,
    about: 'The text is not UTF-8, or holds a NUL or half a surrogate pair.',
  },
  context_length_exceeded: {
    status: 400,
    retryable: false,
    about: "The prompt does not fit the model's context; the message has both numbers.",
  },
  unsupported_parameter: {
    status: 400,
    retryable: false,
    about: 'A field asks for what this program or this model cannot do; `param` names it.',
  },
  invalid_api_key: {
    status: 401,
    retryable: false,
    about: 'This gateway has keys, and the request carries none, or one that is wrong, expired or revoked.',
  },
  missing_scope: {
    status: 403,
    retryable: false,
    about: 'The key is not good for this: it lacks a scope, or is no admin’s.',
  },
  forbidden_host: {
    status: 403,
    retryable: false,
    about: 'The `Host` is not one of this machine: MINIVAULT_ALLOWED_HOSTS takes further names.',
  },
  forbidden_origin: {
    status: 403,
    retryable: false,
    about: 'A web page of another origin asks: MINIVAULT_CORS_ORIGINS lets it.',
  },
  unsupported_operation: {
    status: 400,
    retryable: false,
    about: 'The format has this, this program has not: models are not pulled, made or deleted here.',
  },
  not_found: { status: 404, retryable: false, about: 'There is nothing at this path.' },
  model_changed: {
    status: 409,
    retryable: false,
    about: 'An exchange is to be replayed that another model answered; `force` replays it all the same.',
  },
  exchange_elsewhere: {
    status: 409,
    retryable: false,
    about: 'It stands in the log of another gateway that shares this database: ask that one to erase it.',
  },
  model_not_found: {
    status: 404,
    retryable: false,
    about: 'The model that is asked for is not the one that is served; the message names that one.',
  },
  response_not_found: {
    status: 404,
    retryable: false,
    about: 'No response of that id is kept: it never was, was deleted, or made room for newer ones.',
  },
  exchange_not_found: {
    status: 404,
    retryable: false,
    about: 'No exchange of that id is in the history, or waits or runs.',
  },
  chat_not_found: { status: 404, retryable: false, about: 'No chat of that id is kept.' },
  document_not_found: { status: 404, retryable: false, about: 'No document of that id is kept.' },
  client_not_connected: {
    status: 404,
    retryable: false,
    about: 'A job was submitted for a client that has no open stream.',
  },
  client_id_taken: {
    status: 409,
    retryable: false,
    about: 'Another key has a stream open under this `client_id`, or had one until just now: take another.',
  },
  job_not_found: { status: 404, retryable: false, about: 'There was never a job of this client by that id.' },
  job_expired: { status: 410, retryable: false, about: 'The job ended too long ago to be read again.' },
  key_not_found: { status: 404, retryable: false, about: 'There is no key of that id.' },
  key_name_taken: {
    status: 409,
    retryable: false,
    about: 'A key of that name was made before, and histories go by names; revoked ones count, too.',
  },
  last_admin_key: {
    status: 409,
    retryable: false,
    about:
      'Without this key nobody could manage the others: there is no other active admin’s and no API_KEY. `force` revokes it all the same.',
  },
  key_revoked: {
    status: 409,
    retryable: false,
    about: 'The key was revoked, which is for ever: make a new one.',
  },
  idempotency_conflict: {
    status: 409,
    retryable: false,
    about: 'The `Idempotency-Key` was sent before with another request.',
  },
  rate_limited: {
    status: 429,
    retryable: true,
    about: 'Too many requests, or wrong keys, of one key or address; `Retry-After` tells when there is room.',
  },
  concurrency_exceeded: {
    status: 429,
    retryable: true,
    about: 'Too many requests of this key run or wait at once.',
  },
  token_budget_exceeded: {
    status: 429,
    retryable: true,
    about: 'The tokens of this key for today are used up; there are new ones at midnight UTC.',
  },
  too_many_streams: { status: 429, retryable: true, about: 'Too many clients have a stream open.' },
  method_not_allowed: {
    status: 405,
    retryable: false,
    about: 'The path takes other methods; `Allow` lists them.',
  },
  not_acceptable: {
    status: 406,
    retryable: false,
    about: 'The answer has none of the types that `Accept` names.',
  },
  request_timeout: { status: 408, retryable: true, about: 'The request took over 15 s to arrive.' },
  body_too_large: {
    status: 413,
    retryable: false,
    about:
      'The body is larger than 1 MiB, or brings documents and is larger than MINIVAULT_DOCUMENTS_MAX_BYTES.',
  },
  document_too_large: {
    status: 413,
    retryable: false,
    about: 'A document is longer than MINIVAULT_DOCUMENT_MAX_CHARACTERS; the message names it.',
  },
  unreadable_document: {
    status: 422,
    retryable: false,
    about:
      'A file has no text that can be read: it is broken, encrypted, empty, or takes too much time or memory.',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    about:
      'The body must be uncompressed JSON in UTF-8 (of an upload: multipart/form-data, with files of a known kind), and say so in `Content-Type`.',
  },
  client_too_slow: {
    status: 408,
    retryable: false,
    about: 'The client did not read its stream; in the log only, since the connection is broken.',
  },
  cancelled: { status: 499, retryable: false, about: 'The client left; in the log only.' },
  headers_too_large: {
    status: 431,
    retryable: false,
    about: 'The headers of the request are over 16 KiB, or more than 100.',
  },
  expectation_failed: {
    status: 417,
    retryable: false,
    about: 'The request asks by `Expect` for something else than 100-continue.',
  },
  internal: {
    status: 500,
    retryable: false,
    about: "A fault of the gateway; its console tells more under the request's id.",
  },
  worker_error: {
    status: 500,
    retryable: false,
    about: 'The model failed on this request; the next one is not affected.',
  },
  worker_crashed: {
    status: 500,
    retryable: false,
    about: 'The worker died while it answered; another one is being started.',
  },
  worker_killed: {
    status: 500,
    retryable: false,
    about: 'Something killed the worker while it answered, often the system for want of memory.',
  },
  upstream_error: {
    status: 502,
    retryable: false,
    about: 'The server that answers for this gateway refused it or broke; the message has the remedy.',
  },
  upstream_unavailable: {
    status: 503,
    retryable: true,
    about: 'The server that answers for this gateway is away, overloaded or over its limit.',
  },
  incomplete_generation: { status: 500, retryable: false, about: 'The answer stopped without an end.' },
  model_loading: {
    status: 503,
    retryable: true,
    about: 'The model is not ready yet (`/readyz` only; prompts wait instead).',
  },
  model_unavailable: {
    status: 503,
    retryable: true,
    about: 'The model cannot be served; the message has the remedy.',
  },
  token_issuer_unavailable: {
    status: 503,
    retryable: true,
    about: 'The keys of the issuer of tokens (MINIVAULT_JWKS_URL) cannot be fetched; other keys go on.',
  },
  queue_full: { status: 503, retryable: true, about: 'Too many prompts are waiting.' },
  queue_timeout: { status: 503, retryable: true, about: 'The prompt waited too long for its turn.' },
  shutting_down: { status: 503, retryable: true, about: 'The gateway is stopping.' },
  storage_unavailable: {
    status: 503,
    retryable: true,
    about:
      'The database is away, still opening, or lacks pgvector, or the log cannot be changed; generation goes on without it.',
  },
  embedder_mismatch: {
    status: 503,
    retryable: true,
    about: 'The documents were embedded by another embedder than there is now: `npm run reembed`.',
  },
  first_token_timeout: {
    status: 504,
    retryable: false,
    about: 'The model gave no first token for too long.',
  },
  token_gap_timeout: {
    status: 504,
    retryable: false,
    about: 'The model gave no further token for too long.',
  },
  generation_timeout: { status: 504, retryable: false, about: 'The whole answer took too long.' },
} as const satisfies Record<string, { status: number; retryable: boolean; about: string }>;
