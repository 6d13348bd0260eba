import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, SETTINGS, secretsOf, shownConfig } from './config.js';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

describe('readConfig', () => {
  it('has a default for every setting', () => {
    const config = readConfig({});
    expect(Object.keys(config)).toEqual(Object.keys(SETTINGS));
    expect(config).toMatchObject({ PORT: 3000, HOST: '127.0.0.1', MINIVAULT_QUEUE_MAX_WAITING: 512 });
  });

  it.each([
    'abc',
    '-1',
    '70000',
    '1e3',
    '',
    ' ',
    ' 3000',
    '3000 ',
    '3.5',
    '0x10',
    'NaN',
    '+3',
    '99999999999999999999',
  ])('refuses PORT=%j', value => {
    expect(faultsOf({ PORT: value })).toEqual([expect.stringContaining(`PORT=${JSON.stringify(value)}: `)]);
  });

  it.each(['0', '1', '3000', '65535'])('accepts PORT=%j', value => {
    expect(readConfig({ PORT: value }).PORT).toBe(Number(value));
  });

  it.each(['TRUE', 'yes', '', '2', 'on'])('refuses LOG_JSON=%j', value => {
    expect(faultsOf({ LOG_JSON: value })).toEqual([`LOG_JSON=${JSON.stringify(value)}: true, false, 1 or 0`]);
  });

  it('takes tokens only of an issuer and for an audience, and neither without its keys', () => {
    const whole = {
      MINIVAULT_JWKS_URL: 'https://id.example/keys',
      MINIVAULT_JWT_ISSUER: 'https://id.example/',
      MINIVAULT_JWT_AUDIENCE: 'minivault',
    };
    expect(readConfig(whole)).toMatchObject(whole);
    expect(readConfig({ ...whole, MINIVAULT_JWKS_URL: 'keys.json' }).MINIVAULT_JWKS_URL).toBe(
      new URL('../keys.json', import.meta.url).pathname,
    );
    expect(faultsOf({ MINIVAULT_JWKS_URL: 'https://id.example/keys' })).toEqual([
      'MINIVAULT_JWKS_URL needs MINIVAULT_JWT_ISSUER',
      'MINIVAULT_JWKS_URL needs MINIVAULT_JWT_AUDIENCE',
    ]);
    for (const name of ['ISSUER', 'AUDIENCE', 'ROLE_CLAIM']) {
      expect(faultsOf({ [`MINIVAULT_JWT_${name}`]: 'x' })).toHaveLength(1);
    }
    for (const url of ['https://me:pw@id.example/', 'https://id.example/?key=b', 'https://']) {
      expect(faultsOf({ ...whole, MINIVAULT_JWKS_URL: url })).toHaveLength(1);
    }
  });

  it('asks another server only when it is told to, and says all that is missing for it', () => {
    expect(readConfig({ OPENAI_API_KEY: 'k', OPENAI_MODEL: 'm' }).MINIVAULT_BACKEND).toBe('local');
    expect(faultsOf({ MINIVAULT_BACKEND: 'openai', PORT: 'x' })).toEqual([
      expect.stringContaining('PORT="x"'),
      expect.stringContaining('needs OPENAI_MODEL'),
      expect.stringContaining('needs OPENAI_API_KEY'),
    ]);
    expect(faultsOf({ USE_OPENAI_EMBEDDINGS: 'true' })).toEqual([expect.stringContaining('OPENAI_API_KEY')]);
    for (const url of ['ftp://a/v1', 'http://me:pw@a/v1', 'http://a/v1?key=b', 'a']) {
      expect(faultsOf({ OPENAI_BASE_URL: url })).toHaveLength(1);
    }
  });

  it('never shows a secret, not even a wrong one', () => {
    const faults = faultsOf({ API_KEY: 'canary key', DATABASE_URL: 'mysql://me:canary@host/db' });
    expect(faults).toHaveLength(2);
    expect(faults.join('\n')).not.toContain('canary');
  });

  it.each(['*', 'localhost:5173', 'http://a/', 'http://a,', 'http://a, http://b', 'http://*.a', 'null', ''])(
    'refuses MINIVAULT_CORS_ORIGINS=%j',
    value => {
      expect(faultsOf({ MINIVAULT_CORS_ORIGINS: value })).toHaveLength(1);
    },
  );

  it('takes the origins of pages and of programs made of pages, and hosts, as lists', () => {
    const config = readConfig({
      MINIVAULT_CORS_ORIGINS: 'http://localhost:5173,chrome-extension://abc',
      MINIVAULT_ALLOWED_HOSTS: 'vault.lan,10.0.0.2',
    });
    expect(config.MINIVAULT_CORS_ORIGINS).toEqual(['http://localhost:5173', 'chrome-extension://abc']);
    expect(config.MINIVAULT_ALLOWED_HOSTS).toEqual(['vault.lan', '10.0.0.2']);
    expect(faultsOf({ MINIVAULT_ALLOWED_HOSTS: 'vault.lan:3000' })).toHaveLength(1);
  });

  it('lists all faults at once, each with its name, value and what is allowed', () => {
    const faults = faultsOf({
      PORT: 'abc',
      LOG_JSON: 'TRUE',
      MINIVAULT_ENGINE: 'gpu',
      MINIVAULT_LOG_FSYNC: '',
    });
    expect(faults).toHaveLength(4);
    expect(faults.join('\n')).toContain('MINIVAULT_ENGINE="gpu": batched, streamer or fake');
  });

  it('takes the engine batched, its slots, threads and rounding, and leaves what is unset to the engine', () => {
    expect(readConfig({})).toMatchObject({
      MINIVAULT_ENGINE: 'batched',
      MINIVAULT_SLOTS: null,
      MINIVAULT_THREADS: null,
      MINIVAULT_QUANTIZATION: 'auto',
    });
    expect(
      readConfig({ MINIVAULT_ENGINE: 'batched', MINIVAULT_SLOTS: '8', MINIVAULT_THREADS: '2' }),
    ).toMatchObject({ MINIVAULT_ENGINE: 'batched', MINIVAULT_SLOTS: 8, MINIVAULT_THREADS: 2 });
    expect(
      faultsOf({ MINIVAULT_SLOTS: '0', MINIVAULT_THREADS: '65', MINIVAULT_QUANTIZATION: 'int4' }),
    ).toHaveLength(3);
  });

  it.each(Object.keys(SETTINGS))('refuses an empty %s', name => {
    if (name === 'MINIVAULT_FAKE_PLAN') return;
    expect(faultsOf({ [name]: '' })).toHaveLength(1);
  });

  it('takes relative paths from the repository, not from wherever it was started', () => {
    expect(readConfig({ MINIVAULT_DATA_DIR: 'data' }).MINIVAULT_DATA_DIR).toBe(
      new URL('../data', import.meta.url).pathname,
    );
  });
});

describe('secrets', () => {
  const config = readConfig({
    API_KEY: 'canary-key-canary',
    DATABASE_URL: 'postgres://ada:pass%2Fword@db/vault',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary, x-team=blue',
  });

  it('are all that secret settings hold, and the passwords and values within them', () => {
    expect(secretsOf(config)).toEqual(
      expect.arrayContaining([
        'canary-key-canary',
        'postgres://ada:pass%2Fword@db/vault',
        'pass%2Fword',
        'pass/word',
        'Bearer canary',
        'blue',
      ]),
    );
    expect(secretsOf(readConfig({}))).toEqual([]);
    expect(secretsOf(readConfig({ DATABASE_URL: 'postgres://ada:100%@db/vault' }))).toContain('100%');
  });

  it('have no place where the settings are shown', () => {
    const shown = shownConfig(config);
    expect(shown).toMatchObject({ API_KEY: '***', DATABASE_URL: '***', PORT: 3000 });
    expect(shown).not.toHaveProperty('OPENAI_API_KEY');
    for (const secret of secretsOf(config)) expect(JSON.stringify(shown)).not.toContain(secret);
  });
});

describe('settings of traces', () => {
  it('are read as OpenTelemetry has them', () => {
    const config = readConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/otlp/',
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a%3Db,x-b=c=d,x-p=100%',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    expect(config.OTEL_EXPORTER_OTLP_HEADERS).toEqual({
      authorization: 'Bearer a=b',
      'x-b': 'c=d',
      'x-p': '100%',
    });
    expect(config.OTEL_TRACES_SAMPLER_ARG).toBe(0.25);
    expect(config.OTEL_SERVICE_NAME).toBe('minivault');
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://h/?x=1'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no equals sign'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', '-0.1'],
    ['OTEL_SERVICE_NAME', ''],
  ])('refuse %s=%s', (name, value) => {
    expect(faultsOf({ [name]: value })).toHaveLength(1);
  });
});
