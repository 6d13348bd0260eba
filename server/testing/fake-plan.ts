// The fake engine's plan (python/engines/fake.py) as tests write it.

export interface FakePace {
  /** Tokens of an answer; fewer when max_tokens says so. */
  readonly tokens?: number;
  readonly gap_ms?: number;
  readonly prefill_ms?: number;
}

export interface FakeRule extends FakePace {
  /** Applies to requests whose last user text holds this. */
  readonly match: string;
  /** Answer to stream word by word instead of the prompt's own words. */
  readonly text?: string;
  /** Number of the token before which `do` happens; 0 is before the first. */
  readonly at?: number;
  /** A fault, e.g. `exit:139`, `hang`, `half_utf8` (python/engines has the list). */
  readonly do?: string;
  /** How often, counted across restarts of the worker; always when absent. */
  readonly times?: number;
}

export interface FakePlan extends FakePace {
  /** What one text takes to be embedded. */
  readonly embed_ms?: number;
  readonly load_ms?: number;
  readonly slots?: number;
  readonly context_length?: number;
  readonly cached_tokens?: number;
  readonly state_dir?: string;
  /** How its answers call tools; it has no form for them when absent. */
  readonly tool_format?: 'hermes' | 'llama3' | 'mistral';
  readonly load?: ReadonlyArray<{ readonly do: string; readonly times?: number }>;
  readonly rules?: readonly FakeRule[];
}
