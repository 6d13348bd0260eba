// Who asks: the owner of a key, or whoever is at this machine while there are none. Types only.

export type Role = 'user' | 'admin';

/** What a key may be good for. `admin` is what only the role of that name can do. */
export type Scope =
  | 'generate'
  | 'embed'
  | 'history'
  | 'documents:read'
  | 'documents:write'
  | 'metrics'
  | 'admin';

/** What one caller may use; null where only the gateway's own limits hold. */
export interface CallerLimits {
  readonly requestsPerMinute: number | null;
  /** Requests that run or wait at once. */
  readonly concurrency: number | null;
  /** Prompt and answer together, of a day in UTC. */
  readonly tokensPerDay: number | null;
}

export interface Caller {
  /** As in log and history; null for whoever is at this machine while there are no keys. */
  readonly name: string | null;
  /** Null without keys, and for what no stored key stands behind: API_KEY, a token of another issuer. */
  readonly keyId: string | null;
  readonly role: Role;
  readonly scopes: ReadonlySet<Scope>;
  readonly limits: CallerLimits;
  /** Whose turn it is in the line and in the limits: one word a key, or an address (IPv6 by its /64). */
  readonly share: string;
}
