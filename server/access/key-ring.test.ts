// Keys in a real file, changed by hand, by this process and by others, under a ring that serves meanwhile.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../errors.js';
import { silentLogger } from '../log.js';
import { compile } from '../testing/compile.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';
import { createKey, revokeKey, rotateKey, updateKey } from './key-changes.js';
import { readKeyFile } from './key-file.js';
import { KeyFileError } from './key-file-format.js';
import { type KeyRing, openKeyRing } from './key-ring.js';

const LONG_MS = 3_600_000;
const CHILD = 'server/testing/keys-child.ts';

let file: string;
beforeEach(async () => {
  file = path.join(await tempFolder(), 'data', 'keys.json');
});

/** The wall clock alone; everything else waits as ever. */
function standAt(timeMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: timeMs });
}
afterEach(() => void vi.useRealTimers());

function ringOf(logger = silentLogger(), lookIntervalMs = 20): KeyRing {
  const ring = openKeyRing({ file, logger, lookIntervalMs });
  onTestFinished(() => ring.close());
  return ring;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('It should have failed'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw error;
  return error.code;
}

describe('a key', () => {
  it('is kept as digests, in a file of its owner alone', async () => {
    const { key, secret } = await createKey(file, { name: 'ann' });
    expect(secret).toMatch(/^mv_[\w-]{43}$/);
    expect(secret.startsWith(key.secret.prefix)).toBe(true);
    expect(key.secret.prefix).toHaveLength(10);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain(secret.slice(0, 12));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readKeyFile(file)).toEqual([key]);
    expect(readdirSync(path.dirname(file)).filter(name => name.includes('draft'))).toEqual([]);
  });

  it('is good until it is revoked, and for ever revoked then', async () => {
    const { secret } = await createKey(file, { name: 'ann' });
    const ring = ringOf();
    expect(ring.find(secret)?.name).toBe('ann');
    expect(ring.find(`${secret}x`)).toBeNull();
    expect(ring.find('')).toBeNull();
    const { revokedAt } = await revokeKey(file, 'ANN');
    await until(() => ring.find(secret) === null);
    expect((await revokeKey(file, 'ann')).revokedAt).toBe(revokedAt);
    expect(await codeOf(rotateKey(file, 'ann', 0))).toBe('key_revoked');
    expect(await codeOf(updateKey(file, 'ann', { limits: {} }))).toBe('key_revoked');
    expect(ring.isLocked).toBe(true);
  });

  it('is good until its time, of which nobody need be told', async () => {
    const nowMs = Date.now();
    const { secret } = await createKey(file, { name: 'ann', expiresAt: new Date(nowMs + LONG_MS) });
    const ring = ringOf();
    standAt(nowMs + LONG_MS - 1);
    expect(ring.find(secret)).not.toBeNull();
    standAt(nowMs + LONG_MS);
    expect(ring.find(secret)).toBeNull();
    await updateKey(file, 'ann', { expiresAt: null });
    await until(() => ring.find(secret) !== null);
  });

  it('has a new secret after a rotation, and the former ones while their grace lasts', async () => {
    const first = await createKey(file, { name: 'ann' });
    const ring = ringOf();
    const second = await rotateKey(file, first.key.id, 2 * LONG_MS);
    const third = await rotateKey(file, 'ann', LONG_MS);
    await ring.reload();
    for (const { secret } of [first, second, third]) expect(ring.find(secret)?.id).toBe(first.key.id);
    standAt(Date.now() + LONG_MS);
    expect(ring.find(second.secret)).toBeNull();
    expect(ring.find(first.secret)).not.toBeNull();
    const fourth = await rotateKey(file, 'ann', 0);
    await ring.reload();
    expect(ring.find(third.secret)).toBeNull();
    expect(ring.find(fourth.secret)).not.toBeNull();
    expect(readKeyFile(file)[0]?.former.map(({ sha256 }) => sha256)).not.toContain(second.key.secret.sha256);
    await revokeKey(file, 'ann');
    await ring.reload();
    for (const { secret } of [first, fourth]) expect(ring.find(secret)).toBeNull();
  });

  it('keeps what an update leaves out', async () => {
    await createKey(file, { name: 'ann', limits: { concurrency: 2 } });
    const updated = await updateKey(file, 'ann', {
      limits: { tokensPerDay: 1_000 },
      scopes: ['embed', 'embed'],
    });
    expect(updated).toMatchObject({
      scopes: ['embed'],
      limits: { requestsPerMinute: null, concurrency: 2, tokensPerDay: 1_000 },
      expiresAt: null,
    });
    expect(readKeyFile(file)).toEqual([updated]);
  });

  it.each([
    [{ name: 'api-key' }, 'invalid_request'],
    [{ name: 'API-Key' }, 'invalid_request'],
    [{ name: 'jwt:ann' }, 'invalid_request'],
    [{ name: '' }, 'invalid_request'],
    [{ name: 'a b' }, 'invalid_request'],
    [{ name: 'a'.repeat(65) }, 'invalid_request'],
    [{ name: '019b0000-0000-7000-8000-000000000000' }, 'invalid_request'],
    [{ name: 'Taken' }, 'key_name_taken'],
    [{ name: 'ann', scopes: ['admin'] }, 'invalid_request'],
    [{ name: 'ann', expiresAt: new Date(0) }, 'invalid_request'],
  ] as const)('is not made of %j: %s', async (draft, code) => {
    await createKey(file, { name: 'taken' });
    const before = readFileSync(file, 'utf8');
    expect(await codeOf(createKey(file, draft))).toBe(code);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('that does not exist is said to', async () => {
    for (const change of [revokeKey(file, 'ann'), rotateKey(file, 'x', 1), updateKey(file, 'y', {})]) {
      expect(await codeOf(change)).toBe('key_not_found');
    }
    expect(() => statSync(file)).toThrow('ENOENT');
  });
});

describe('the file', () => {
  it('is changed by several processes at once without losing a key', async () => {
    const child = await compile(CHILD);
    onTestFinished(() => child.remove());
    const ring = ringOf();
    const children = Array.from({ length: 3 }, (_, i) => fork(child.program(CHILD), [file, `p${i}`, '8']));
    await Promise.all(children.map(process => once(process, 'exit')));
    expect(children.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(readKeyFile(file)).toHaveLength(24);
    await until(() => ring.all().length === 24);
  });

  it('stays the one that it is linked to', async () => {
    const linked = path.join(path.dirname(path.dirname(file)), 'link.json');
    await createKey(file, { name: 'ann' });
    symlinkSync(file, linked);
    await createKey(linked, { name: 'ben' });
    expect(readKeyFile(file).map(({ name }) => name)).toEqual(['ann', 'ben']);
  });

  const whole = { version: 1, keys: [] };
  it.each([
    ['', 'it is not JSON'],
    ['{"version":1,"ke', 'it is not JSON'],
    ['[]', 'the file'],
    [JSON.stringify({ ...whole, version: 2 }), 'it is of version 2'],
    [JSON.stringify({ ...whole, more: 1 }), 'the file'],
    [JSON.stringify({ ...whole, keys: [{ name: 'ann' }] }), 'keys.0.id'],
  ])('that is broken ends a boot, by name: %j', async (text, fault) => {
    await createKey(file, { name: 'ann' });
    writeFileSync(file, text);
    expect(() => openKeyRing({ file, logger: silentLogger() })).toThrow(KeyFileError);
    expect(() => openKeyRing({ file, logger: silentLogger() })).toThrow(file);
    expect(() => openKeyRing({ file, logger: silentLogger() })).toThrow(fault);
    await expect(createKey(file, { name: 'ben' })).rejects.toThrow(KeyFileError);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('that holds a secret or a name twice is broken', async () => {
    await createKey(file, { name: 'ann' });
    const { keys } = JSON.parse(readFileSync(file, 'utf8'));
    const twin = { ...keys[0], id: '019b0000-0000-7000-8000-000000000000', name: 'ANN' };
    writeFileSync(file, JSON.stringify({ ...whole, keys: [...keys, twin] }));
    expect(() => readKeyFile(file)).toThrow('two keys have the same name');
    writeFileSync(file, JSON.stringify({ ...whole, keys: [...keys, { ...twin, name: 'ben' }] }));
    expect(() => readKeyFile(file)).toThrow('two keys have the same secret');
  });
});

describe('a ring', () => {
  it('that began without keys is locked by the first one, and tells who listens', async () => {
    const ring = ringOf();
    expect(ring.isLocked).toBe(false);
    const told: string[][] = [];
    const end = ring.onChange(keys => told.push(keys.map(({ name }) => name)));
    await createKey(file, { name: 'ann' });
    await until(() => ring.isLocked);
    await ring.reload();
    end();
    await createKey(file, { name: 'ben' });
    await until(() => ring.all().length === 2);
    expect(told).toEqual([['ann']]);
  });

  it('goes on with the keys it has while the file is broken or away, and says so once', async () => {
    const { secret } = await createKey(file, { name: 'ann' });
    const { logger, entries } = recordingLogger();
    const ring = ringOf(logger);
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, 'rubbish');
    await until(() => entries.length === 1);
    await ring.reload();
    expect(entries).toEqual([
      { level: 'warn', message: expect.stringMatching(/not JSON\. The keys read before stay/), fields: {} },
    ]);
    expect(ring.find(secret)).not.toBeNull();
    rmSync(file);
    await until(() => entries.length === 2);
    expect(ring.find(secret)).not.toBeNull();
    expect(ring.isLocked).toBe(true);
    writeFileSync(`${file}.new`, good);
    renameSync(`${file}.new`, file);
    await createKey(file, { name: 'ben' });
    await until(() => ring.all().length === 2);
    expect(entries).toHaveLength(2);
  });

  it('stays locked when the file is emptied by hand', async () => {
    const { secret } = await createKey(file, { name: 'ann' });
    const ring = ringOf();
    writeFileSync(file, JSON.stringify({ version: 1, keys: [] }));
    await until(() => ring.find(secret) === null);
    expect(ring.isLocked).toBe(true);
  });

  it.skipIf(process.getuid?.() === 0)('names a file that it may not read', async () => {
    await createKey(file, { name: 'ann' });
    chmodSync(file, 0);
    expect(() => openKeyRing({ file, logger: silentLogger() })).toThrow(/keys\.json.*EACCES/);
  });
});
