import { appendFile, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditEvent } from '../domain/audit.js';
import { FaultyDisk } from '../testing/faulty-disk.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { tempFolder } from '../testing/temp-folder.js';
import { until } from '../testing/until.js';
import { type AuditLog, openAuditLog } from './audit-log.js';
import { readAuditPage } from './audit-pages.js';

const event = (target: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  event: 'key.created',
  actor: 'root',
  target,
  address: '::1',
  requestId: 'r1',
  details: { role: 'user' },
  ...more,
});

async function openTestAudit({ maxBytes = 1e9, file = '' } = {}) {
  const at = file || path.join(await tempFolder(), 'audit.jsonl');
  const disk = new FaultyDisk();
  const { logger, entries } = recordingLogger();
  const audit = await openAuditLog({ path: at, maxBytes, logger, open: disk.open });
  onTestFinished(() => audit.close());
  return { audit, file: at, disk, entries };
}

const append = async (audit: AuditLog, ...targets: string[]): Promise<void> => {
  for (const target of targets) await audit.append(event(target));
};
const targetsOf = (lines: readonly string[]): string[] =>
  lines.map(line => (JSON.parse(line) as { target: string }).target);

async function readAll(file: string, limit: number, between = async () => {}): Promise<string[]> {
  const targets: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await readAuditPage(file, { limit, cursor });
    targets.push(...targetsOf(page.lines));
    cursor = page.nextCursor ?? undefined;
    await between();
  } while (cursor !== undefined);
  return targets;
}

describe('the audit', () => {
  it('has one line an event, which is its owner’s alone to read', async () => {
    const { audit, file } = await openTestAudit();
    await audit.append(event('alice'));
    const [line = '', ...rest] = (await readFile(file, 'utf8')).split('\n');
    expect(rest).toEqual(['']);
    expect(JSON.parse(line)).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      event: 'key.created',
      actor: 'root',
      target: 'alice',
      address: '::1',
      request_id: 'r1',
      details: { role: 'user' },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('harms nobody while the disk is full, tells of it, and has everything afterwards', async () => {
    const { audit, file, disk, entries } = await openTestAudit();
    disk.freeBytes = 100;
    await append(audit, 'a', 'b');
    expect(audit.status()).toMatchObject({
      degraded: true,
      spooled: 2,
      lastError: 'ENOSPC: injected, write',
    });
    expect(entries[0]?.message).toBe('The audit cannot be written; its lines wait in memory');
    disk.freeBytes = 1e9;
    await until(() => !audit.status().degraded);
    expect(await readAll(file, 10)).toEqual(['b', 'a']);
  });

  it('moves half a line away that a crash has left, and goes on', async () => {
    const { file } = await openTestAudit();
    await writeFile(file, '{"timestamp":"2026-01-01T00:00:00.000Z","event":"refu', { mode: 0o600 });
    const { audit } = await openTestAudit({ file });
    await append(audit, 'a');
    expect(audit.status().tornTails).toBe(1);
    expect(await readAll(file, 10)).toEqual(['a']);
    expect(await readFile(`${file}.torn`, 'utf8')).toContain('"refu');
  });

  it('is put aside when it is full, without losing a line', async () => {
    const { audit, file } = await openTestAudit({ maxBytes: 1_000 });
    const targets = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    await append(audit, ...targets);
    expect((await readdir(path.dirname(file))).length).toBeGreaterThan(5);
    expect(await readAll(file, 7)).toEqual(targets.toReversed());
  });

  it('takes lines of another process beside its own', async () => {
    const { audit, file } = await openTestAudit();
    await append(audit, 'a');
    await appendFile(file, `${JSON.stringify({ target: 'b' })}\n`);
    await append(audit, 'c');
    expect(await readAll(file, 10)).toEqual(['c', 'b', 'a']);
  });

  it('is refused at the start where it can never be written, and the setting is named', async () => {
    const folder = await tempFolder();
    const { logger } = recordingLogger();
    await expect(openAuditLog({ path: folder, maxBytes: 1e9, logger })).rejects.toThrow(
      `MINIVAULT_AUDIT_FILE="${folder}"`,
    );
  });
});

describe('pages of the audit', () => {
  it('of one that was never written are empty', async () => {
    const file = path.join(await tempFolder(), 'audit.jsonl');
    expect(await readAuditPage(file, { limit: 10 })).toEqual({ lines: [], nextCursor: null });
  });

  it('hold every line once while others are written and the file is put aside', async () => {
    const { audit, file } = await openTestAudit({ maxBytes: 1_500 });
    const targets = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    await append(audit, ...targets);
    let later = 0;
    expect(await readAll(file, 3, () => append(audit, `later-${later++}`, `later-${later++}`))).toEqual(
      targets.toReversed(),
    );
  });

  it('leave out what is damaged, and half a line at the end', async () => {
    const { audit, file } = await openTestAudit();
    await append(audit, 'a');
    await appendFile(file, 'no JSON\n7\n\n');
    await append(audit, 'b');
    await appendFile(file, '{"target":"half');
    expect(await readAll(file, 1)).toEqual(['b', 'a']);
  });

  it('read lines that lie across chunks as they are', async () => {
    const file = path.join(await tempFolder(), 'audit.jsonl');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (lengths, limit) => {
          const targets = lengths.map((length, index) => `${index}-${'ä'.repeat(length)}`);
          await writeFile(file, targets.map(target => `${JSON.stringify({ target })}\n`).join(''));
          expect(await readAll(file, limit)).toEqual(targets.toReversed());
        },
      ),
      { numRuns: 30 },
    );
  });

  it('pass over a line that is too long to be one', async () => {
    const file = path.join(await tempFolder(), 'audit.jsonl');
    const long = JSON.stringify({ target: 'x'.repeat(3 * 1024 * 1024) });
    await writeFile(file, `{"target":"a"}\n${long}\n{"target":"b"}\n`);
    expect(await readAll(file, 10)).toEqual(['b', 'a']);
    await writeFile(file, `${long}\n{"target":"b"}\n`);
    expect(await readAll(file, 10)).toEqual(['b']);
  });

  it('cannot be gone on from when their file was taken away, nor from what is no cursor', async () => {
    const { audit, file } = await openTestAudit();
    await append(audit, 'a', 'b');
    const { nextCursor } = await readAuditPage(file, { limit: 1 });
    expect(targetsOf((await readAuditPage(file, { limit: 1, cursor: nextCursor ?? '' })).lines)).toEqual([
      'a',
    ]);
    await rename(file, `${file}.away`);
    await append(audit, 'c');
    const refused = { code: 'invalid_request', param: 'cursor' };
    for (const cursor of [nextCursor ?? '', '', 'x', 'MQ', Buffer.from('1-2-3').toString('base64url')]) {
      await expect(readAuditPage(file, { limit: 1, cursor })).rejects.toMatchObject(refused);
    }
    await rm(`${file}.away`);
  });
});
