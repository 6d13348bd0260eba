// How much one caller may ask for, and by what one caller is told from another.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { flag, type Setting, whole } from './setting.js';

const MOST_REQUESTS = 100_000;
const CIDR = 'addresses or networks such as 10.0.0.0/8, with commas between them';

/** One address is the network of itself alone. */
function isNetwork(text: string): boolean {
  return text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text);
}

export const rateLimitSettings = {
  RATE_LIMIT_ENABLED: {
    schema: flag(),
    fallback: 'true',
    about: 'Whether the four numbers below hold; what a stored key has of its own holds in any case.',
  },
  RATE_LIMIT_REQUESTS: {
    schema: whole(1, MOST_REQUESTS),
    fallback: '30',
    about:
      'Requests for text by one key or address in any window; a stored key may have a number of its own.',
  },
  RATE_LIMIT_WINDOW_SECONDS: {
    schema: whole(1, 86_400),
    fallback: '60',
    about: 'Length of that window, which slides: no stretch of that length holds more.',
  },
  RATE_LIMIT_EMBEDDING_REQUESTS: {
    schema: whole(1, MOST_REQUESTS),
    fallback: '300',
    about: 'Requests for vectors by one key or address in any window.',
  },
  RATE_LIMIT_OTHER_REQUESTS: {
    schema: whole(1, MOST_REQUESTS),
    fallback: '600',
    about: 'All other requests by one key or address in any window: history, documents, models and the like.',
  },
  RATE_LIMIT_FAILED_LOGINS: {
    schema: whole(1, MOST_REQUESTS),
    fallback: '20',
    about:
      'Wrong keys from one address in any window; after that, keys that have not come from there before are refused unread.',
  },
  MINIVAULT_TRUST_PROXY: {
    schema: z
      .string()
      .transform(text => text.split(',').map(network => network.trim()))
      .pipe(z.array(z.string().refine(isNetwork, CIDR))),
    fallback: null,
    about:
      'Proxies, as addresses or networks with commas between them, whose `X-Forwarded-For` is believed; from anybody else it is not read.',
  },
  REDIS_URL: {
    schema: z.string().regex(/^rediss?:\/\/\S+$/, 'redis://user:password@host:6379/0'),
    fallback: null,
    about:
      'Redis in which several gateways count together; unset, each counts for itself. While it is away each does, too.',
    secret: true,
  },
  MINIVAULT_REDIS_PREFIX: {
    schema: z.string().regex(/^[\x21-\x7e]{1,100}$/, '1 to 100 ASCII characters without spaces'),
    fallback: 'minivault:',
    about: 'What the names of all keys in that Redis begin with; gateways that count together have the same.',
  },
  MINIVAULT_REDIS_TIMEOUT_MS: {
    schema: whole(1, 60_000),
    fallback: '50',
    about: 'Longest time that a request waits for that Redis; then it is counted here.',
  },
} as const satisfies Record<string, Setting>;
