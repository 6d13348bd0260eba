// What tells a request that is sent again from another one. Types only.

/** One `Idempotency-Key`, of one caller on one route. */
export interface IdempotencyKey {
  readonly owner: string | null;
  readonly route: string;
  readonly key: string;
  /** Of all that was asked: another one under the same key is a mistake. */
  readonly fingerprint: string;
}
