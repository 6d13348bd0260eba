// Where the gateway listens, who may reach it there, and what its console shows.
import { z } from 'zod';
import { flag, list, type Setting, whole } from './setting.js';

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'] as const;

export const listeningSettings = {
  PORT: { schema: whole(0, 65_535), fallback: '3000', about: 'Port to listen on; 0 takes any free one.' },
  HOST: {
    schema: z.enum(
      LOOPBACK,
      `one of ${LOOPBACK.join(', ')}: there are no API keys yet that would guard a public address`,
    ),
    fallback: '127.0.0.1',
    about: 'Loopback address to listen on.',
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
