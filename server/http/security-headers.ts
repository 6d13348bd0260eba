// What every answer tells browsers that they must not do with it. Pages of ours say in a policy of their own what they load.
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** For what is no page: it loads nothing, sends no form and stands in no frame. */
const NOTHING = {
  'default-src': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

/**
 * Pages of MINIVAULT_CORS_ORIGINS are not hindered: they ask by CORS, to which neither the resource policy (for images and
 * scripts of others) nor the rest applies. Whether there is TLS is for the proxy to say that has it.
 */
export const securityHeaders: RequestHandler = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: NOTHING },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  crossOriginOpenerPolicy: { policy: 'same-origin' },
  frameguard: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  strictTransportSecurity: false,
});

/** A page's own policy, in place of the one above: nothing but what is named. */
export function pagePolicy(sources: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries({ ...NOTHING, ...sources })
    .map(([directive, values]) => `${directive} ${values.join(' ')}`)
    .join('; ');
}
