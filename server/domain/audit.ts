// What the audit keeps: every change of keys and every refusal. Types only.

export type AuditEventName = 'key.created' | 'key.updated' | 'key.rotated' | 'key.revoked' | 'refused';

/** Nothing of it is a secret, or may hold one. */
export interface AuditEvent {
  readonly event: AuditEventName;
  /** Name of who did it; null for one that is not known, and for whoever is at this machine while there are no keys. */
  readonly actor: string | null;
  /** Name of the key that was changed; of a refusal the route, as `GET /history/*`. */
  readonly target: string | null;
  /** Where it came from; null for the command line. */
  readonly address: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}
