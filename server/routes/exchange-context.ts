// What the log is to know of a request, the same for every format.
import type { ExchangeContext } from '../generation/record.js';
import { askerOf } from '../http/rate-limit.js';
import type { RequestScope } from '../http/request-scope.js';

export function exchangeContextOf(scope: RequestScope, dialect: string): ExchangeContext {
  const { requestId, caller, span } = scope;
  return { dialect, requestId, caller: caller.name, ...askerOf(scope), span };
}
