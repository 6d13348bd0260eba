// Another server that answers prompts or makes vectors, through the OpenAI API.
import { z } from 'zod';
import { flag, MINUTE_MS, type Setting, whole } from './setting.js';

const FIELDS = ['top_k', 'min_p', 'typical_p', 'repetition_penalty'] as const;

const name = (what: string) => z.string().regex(/^[\x21-\x7e]{1,512}$/, what);

export const upstreamSettings = {
  MINIVAULT_BACKEND: {
    schema: z.enum(['local', 'openai'], 'local or openai'),
    fallback: 'local',
    about:
      'What answers prompts: the worker of this machine, or the server at `OPENAI_BASE_URL`. Nothing is ever sent there unless this says `openai`, or `USE_OPENAI_EMBEDDINGS` is set.',
  },
  OPENAI_BASE_URL: {
    schema: z.url({ protocol: /^https?$/, error: 'a URL such as http://127.0.0.1:8080/v1' }).refine(text => {
      if (!URL.canParse(text)) return true;
      const { username, password, search, hash } = new URL(text);
      return `${username}${password}${search}${hash}` === '';
    }, 'a URL without user, query and fragment'),
    fallback: 'https://api.openai.com/v1',
    about: 'Address of that server, up to what stands before `/chat/completions`.',
  },
  OPENAI_API_KEY: {
    schema: name('1 to 512 ASCII characters without spaces'),
    fallback: null,
    about: 'Key for that server, sent to no other; any word where it wants none.',
    secret: true,
  },
  OPENAI_MODEL: {
    schema: name('the name of a model'),
    fallback: null,
    about: 'Model that is asked there; clients of this gateway call it by the same name.',
  },
  MINIVAULT_UPSTREAM_FIELDS: {
    schema: z
      .string()
      .transform(text => text.split(','))
      .pipe(z.array(z.enum(FIELDS, `of ${FIELDS.join(', ')}, with commas between them`))),
    fallback: null,
    about: `Fields beyond the OpenAI API that it takes, of \`${FIELDS.join('`, `')}\`; those not listed are refused.`,
  },
  MINIVAULT_UPSTREAM_CONTEXT_LENGTH: {
    schema: whole(1, 1e9),
    fallback: '128000',
    about:
      'Tokens that its model can hold, as far as this gateway must know: they are estimated, not counted.',
  },
  MINIVAULT_UPSTREAM_TIMEOUT_MS: {
    schema: whole(1, 1e9),
    fallback: String(10 * MINUTE_MS),
    about:
      'Longest time for a whole answer from there; the limits on first token, gap and the whole answer hold, too.',
  },
  USE_OPENAI_EMBEDDINGS: {
    schema: flag(),
    fallback: 'false',
    about: 'Makes vectors at `OPENAI_BASE_URL` instead of on this machine.',
  },
  OPENAI_EMBEDDING_MODEL: {
    schema: name('the name of a model'),
    fallback: 'text-embedding-3-small',
    about: 'Embedder that is asked there.',
  },
} as const satisfies Record<string, Setting>;

interface Wanted {
  readonly MINIVAULT_BACKEND: 'local' | 'openai';
  readonly USE_OPENAI_EMBEDDINGS: boolean;
  readonly OPENAI_API_KEY: string | null;
  readonly OPENAI_MODEL: string | null;
}

/** What is missing of what the switches ask for. */
export function upstreamFaults(config: Wanted): string[] {
  const asksModel = config.MINIVAULT_BACKEND === 'openai';
  const asker = asksModel ? 'MINIVAULT_BACKEND=openai' : 'USE_OPENAI_EMBEDDINGS=true';
  const faults: string[] = [];
  if (asksModel && config.OPENAI_MODEL === null) {
    faults.push(`${asker} needs OPENAI_MODEL: the model that is asked, such as gpt-4o-mini`);
  }
  if ((asksModel || config.USE_OPENAI_EMBEDDINGS) && config.OPENAI_API_KEY === null) {
    faults.push(
      `${asker} needs OPENAI_API_KEY: the key for OPENAI_BASE_URL, or any word where it wants none`,
    );
  }
  return faults;
}
