// Where the gateway listens, who may reach it there, and what its console shows.
import { z } from 'zod';
import { flag, list, type Setting, whole } from './setting.js';

const LOOPBACK = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/;
/** A shorter key can be guessed by whoever can ask often enough. */
const PUBLIC_KEY_LENGTH = 16;

export const listeningSettings = {
  PORT: { schema: whole(0, 65_535), fallback: '3000', about: 'Port to listen on; 0 takes any free one.' },
  HOST: {
    schema: z
      .string()
      .regex(/^[A-Za-z\d.:-]{1,253}$/, "one of this machine's addresses or names, without brackets and port"),
    fallback: '127.0.0.1',
    about: 'Address to listen on; any but a loopback one wants a key, stored or `API_KEY`.',
  },
  API_KEY: {
    schema: z.string().regex(/^[\x21-\x7e]{1,256}$/, '1 to 256 ASCII characters without spaces'),
    fallback: null,
    about: `Key of an admin; set, every request must carry it or a stored key. At least ${PUBLIC_KEY_LENGTH} characters where \`HOST\` is not a loopback address.`,
    secret: true,
  },
  MINIVAULT_ALLOWED_HOSTS: {
    schema: list(/^[a-z\d.-]{1,253}$/, 'host names in lower case, without port, with commas between them'),
    fallback: null,
    about:
      'Names, with commas between them, that the gateway may be reached by beside localhost; any other `Host` is refused.',
  },
  MINIVAULT_CORS_ORIGINS: {
    schema: list(
      /^[a-z][a-z\d+.-]*:\/\/[^\s/,*]+$/,
      'origins such as http://localhost:5173, with commas between them',
    ),
    fallback: null,
    about:
      'Origins, with commas between them, whose web pages may use the gateway; pages of any other are refused.',
  },
  LOG_JSON: { schema: flag(), fallback: 'false', about: 'Console messages as JSON lines instead of text.' },
  LOG_LEVEL: {
    schema: z.enum(['error', 'warn', 'info', 'debug'], 'error, warn, info or debug'),
    fallback: 'info',
    about: 'Least severe console message that is shown.',
  },
} as const satisfies Record<string, Setting>;

/**
 * Others must not find an unlocked door, nor one with a lock that can be picked.
 * @param hasOtherKeys whether a stored key is active or tokens are taken
 */
export function bindFaults(
  { HOST, API_KEY }: { readonly HOST: string; readonly API_KEY: string | null },
  hasOtherKeys: boolean,
): string[] {
  if (LOOPBACK.test(HOST)) return [];
  const isShort = API_KEY !== null && API_KEY.length < PUBLIC_KEY_LENGTH;
  if (isShort || (API_KEY === null && !hasOtherKeys)) {
    const fault = isShort
      ? `API_KEY is shorter than ${PUBLIC_KEY_LENGTH} characters`
      : 'nobody would need a key';
    return [
      `HOST=${JSON.stringify(HOST)}: other machines could use this gateway, and ${fault}. ` +
        `Either make a key (npm run keys -- create NAME --role admin) or set API_KEY to ${PUBLIC_KEY_LENGTH} characters or more (openssl rand -hex 32), ` +
        'or let HOST be 127.0.0.1',
    ];
  }
  return [];
}
