// Whether what another server sent is an answer at all. Knows nothing of what it says.
import { AppError } from '../errors.js';
import { type FailureContext, withoutKey } from './upstream-failure.js';

/** A page, or an error with status 200, is no answer; what it says of itself is passed on. @throws AppError upstream_error */
export async function requireStream(
  response: Response,
  { url, apiKey }: Pick<FailureContext, 'url' | 'apiKey'>,
): Promise<void> {
  const type = response.headers.get('content-type') ?? 'nothing';
  if (type.startsWith('text/event-stream')) return;
  const body: unknown = type.includes('json') ? await response.json().catch(() => null) : null;
  if (body === null) await response.body?.cancel().catch(() => {});
  const { error } = (body ?? {}) as { error?: { message?: unknown } };
  const said = typeof error?.message === 'string' ? `: ${withoutKey(error.message, apiKey)}` : '';
  throw new AppError(
    'upstream_error',
    `${url} answered with ${type.split(';')[0]} instead of a stream${said}. Is OPENAI_BASE_URL right? It usually ends in /v1.`,
  );
}
