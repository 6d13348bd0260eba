// The one reader of the environment. Which settings there are, their defaults and meanings: settings/*. Knows no other part.
import type { z } from 'zod';
import { accessSettings, auditFaults, tokenFaults } from './settings/access.js';
import { documentsSettings } from './settings/documents.js';
import { limitsSettings } from './settings/limits.js';
import { listeningSettings } from './settings/listening.js';
import { modelSettings } from './settings/model.js';
import { observabilitySettings } from './settings/observability.js';
import { rateLimitSettings } from './settings/rate-limits.js';
import type { Setting } from './settings/setting.js';
import { storageSettings } from './settings/storage.js';
import { testingSettings } from './settings/testing.js';
import { upstreamFaults, upstreamSettings } from './settings/upstream.js';

/** Order is the README's order. */
export const SETTINGS = {
  ...listeningSettings,
  ...accessSettings,
  ...rateLimitSettings,
  ...modelSettings,
  ...upstreamSettings,
  ...storageSettings,
  ...documentsSettings,
  ...limitsSettings,
  ...observabilitySettings,
  ...testingSettings,
} as const satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
type Value<N extends Name> =
  | z.output<(typeof SETTINGS)[N]['schema']>
  | ((typeof SETTINGS)[N]['fallback'] extends null ? null : never);

export type Config = { readonly [N in Name]: Value<N> };

/** What settings must be together; asked once each of them is right by itself. */
const CONTRADICTIONS: readonly {
  readonly among: readonly Name[];
  readonly faults: (config: Config) => readonly string[];
}[] = [
  { among: ['MINIVAULT_LOG_FILE', 'MINIVAULT_AUDIT_FILE'], faults: auditFaults },
  {
    among: [
      'MINIVAULT_JWKS_URL',
      'MINIVAULT_JWT_ISSUER',
      'MINIVAULT_JWT_AUDIENCE',
      'MINIVAULT_JWT_ROLE_CLAIM',
    ],
    faults: tokenFaults,
  },
  {
    among: ['MINIVAULT_BACKEND', 'USE_OPENAI_EMBEDDINGS', 'OPENAI_API_KEY', 'OPENAI_MODEL'],
    faults: upstreamFaults,
  },
];

/** All that is wrong with the environment, one line a fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/**
 * Reads every setting; an empty variable counts as wrong, not as unset.
 * @throws ConfigError listing all faults with name, value and what is allowed.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const raw = env[name] ?? setting.fallback;
    if (raw === null) {
      values[name] = null;
      continue;
    }
    const parsed = setting.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else
      faults.push(
        `${name}${setting.secret ? '' : `=${JSON.stringify(raw)}`}: ${parsed.error.issues[0]?.message ?? 'not valid'}`,
      );
  }
  const config = Object.freeze(values) as Config;
  for (const { among, faults: faultsOf } of CONTRADICTIONS) {
    if (among.every(name => Object.hasOwn(config, name))) faults.push(...faultsOf(config));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** The environment as it is: the worker is given its part, and misspelt names are found; every setting comes from readConfig. */
export function inheritedEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** All that a secret setting holds, and what is secret within it: no line of the console may show any of it. */
export function secretsOf(config: Config): string[] {
  return Object.entries<Setting>(SETTINGS)
    .filter(([, { secret }]) => secret)
    .flatMap(([name]) => textsOf(config[name as Name]))
    .flatMap(text => [text, ...passwordsOf(text)]);
}

/** Every setting that is set, with nothing secret in it: for the console. */
export function shownConfig(config: Config): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries<Setting>(SETTINGS)
      .map(([name, { secret }]) => [name, secret ? '***' : config[name as Name], config[name as Name]])
      .filter(([, , value]) => value !== null)
      .map(([name, shown]) => [name, shown]),
  );
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** A driver may name the password without the rest of its URL. */
function passwordsOf(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  if (password === '') return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

export interface SettingDescription {
  readonly name: string;
  readonly fallback: string;
  readonly about: string;
}

/** The rows of the README's configuration table and of `--help`. */
export function describeConfig(): SettingDescription[] {
  return Object.entries<Setting>(SETTINGS).map(([name, { fallback, about }]) => ({
    name,
    fallback: fallback ?? '',
    about,
  }));
}
