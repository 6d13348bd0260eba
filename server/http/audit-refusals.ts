// What the audit is told of a request that was refused: never what its sender wrote, which may be a key.
import type { Refusals } from '../access/refusals.js';
import type { OnRefusal } from './error-handler.js';

const WORD = /^(?:[a-z]{1,12}|v\d)$/;
const MAX_PARTS = 8;

export function auditRefusals(refusals: Refusals): OnRefusal {
  return ({ code, status }, { method, path }, { requestId, address, caller }) => {
    refusals.note({
      code,
      status,
      actor: caller.name,
      address,
      requestId,
      target: `${method} ${shapeOf(path)}`,
    });
  };
}

/** A path that tells which route was asked for, and of the rest only that there was something. */
export function shapeOf(path: string): string {
  const parts = path.split('/').slice(0, MAX_PARTS);
  return parts.map(part => (part === '' || WORD.test(part) ? part : '*')).join('/');
}
