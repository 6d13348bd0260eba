import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../domain/audit.js';
import { tempFolder } from '../testing/temp-folder.js';
import { readKeyFile } from './key-file.js';
import { stateOf } from './keys.js';
import { createManagedKeys } from './managed-keys.js';

const AUTHOR = { actor: 'root', address: '::1', requestId: 'r1' };

async function open(hasApiKey = false) {
  const file = path.join(await tempFolder(), 'keys.json');
  const events: AuditEvent[] = [];
  const steps: string[] = [];
  const keys = createManagedKeys({
    file,
    hasApiKey,
    audit: async event => {
      events.push(event);
      steps.push('audit');
    },
    onChange: async () => void steps.push('change'),
  });
  return { file, keys, events, steps };
}

describe('managed keys', () => {
  it('are known before they are audited, and what is refused is neither', async () => {
    const { keys, events, steps } = await open();
    await expect(keys.create({ name: 'alice' }, AUTHOR)).rejects.toMatchObject({ param: 'role' });
    await keys.create({ name: 'root', role: 'admin' }, AUTHOR);
    await expect(keys.create({ name: 'root', role: 'admin' }, AUTHOR)).rejects.toMatchObject({
      code: 'key_name_taken',
    });
    expect(steps).toEqual(['change', 'audit']);
    expect(events).toMatchObject([{ event: 'key.created', target: 'root', ...AUTHOR }]);
  });

  it('tell the audit no secret', async () => {
    const { keys, events } = await open(true);
    const { secret } = await keys.create({ name: 'alice' }, AUTHOR);
    const rotated = await keys.rotate('alice', 60_000, AUTHOR);
    await keys.update('alice', { limits: { concurrency: 1 } }, AUTHOR);
    await keys.revoke('alice', false, AUTHOR);
    const told = JSON.stringify(events);
    for (const each of [secret, rotated.secret]) expect(told).not.toContain(each.slice(10));
    for (const digest of [rotated.key.secret.sha256]) expect(told).not.toContain(digest);
    expect(events.map(({ event }) => event)).toEqual([
      'key.created',
      'key.rotated',
      'key.updated',
      'key.revoked',
    ]);
  });

  it('keep one admin when two are revoked at once', async () => {
    const { file, keys } = await open();
    const names = ['one', 'two', 'three'];
    for (const name of names) await keys.create({ name, role: 'admin' }, AUTHOR);
    const ended = await Promise.allSettled(names.map(name => keys.revoke(name, false, AUTHOR)));
    const refused = ended.filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'last_admin_key' } }]);
    const states = readKeyFile(file).map(key => stateOf(key, Date.now()));
    expect(states.toSorted()).toEqual(['active', 'revoked', 'revoked']);
  });

  it('count an admin whose key has expired for none', async () => {
    const { keys } = await open();
    const soon = new Date(Date.now() + 50);
    await keys.create({ name: 'root', role: 'admin', expiresAt: soon }, AUTHOR);
    await new Promise(resolve => setTimeout(resolve, 60));
    await expect(keys.create({ name: 'alice' }, AUTHOR)).rejects.toMatchObject({ param: 'role' });
    await keys.revoke('root', false, AUTHOR);
  });

  it('are audited once when they are revoked twice', async () => {
    const { keys, events } = await open(true);
    await keys.create({ name: 'alice' }, AUTHOR);
    const first = await keys.revoke('alice', false, AUTHOR);
    expect(await keys.revoke('alice', false, AUTHOR)).toEqual(first);
    expect(events.filter(({ event }) => event === 'key.revoked').length).toBe(1);
  });
});
