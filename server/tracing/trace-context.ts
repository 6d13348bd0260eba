// W3C Trace Context (https://www.w3.org/TR/trace-context/): what a client's headers say, if they are well formed.
import type { TraceContext } from '../domain/trace.js';

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
const VERSION = '00';
const INVALID_VERSION = 'ff';

export interface RemoteParent extends TraceContext {
  readonly spanId: string;
  /** Its tracer keeps it. */
  readonly isSampled: boolean;
}

/** Null when there is none or it is not well formed: then the trace begins here. */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): RemoteParent | null {
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (version === undefined || version === INVALID_VERSION) return null;
  // A newer version may say more; this one may not.
  if (version === VERSION && more !== undefined) return null;
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return null;
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  return {
    traceId,
    spanId,
    isSampled,
    traceparent: toTraceparent(traceId, spanId, isSampled),
    tracestate: tracestate !== undefined && TRACESTATE.test(tracestate) ? tracestate : null,
  };
}

export function toTraceparent(traceId: string, spanId: string, isSampled: boolean): string {
  return `${VERSION}-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}
