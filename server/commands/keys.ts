// `npm run keys`: makes, lists, revokes and rotates stored keys, beside a running gateway or without one.
import { chownSync, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { keyFileOf, readKeyFile } from '../access/key-file.js';
import { KeyFileError } from '../access/key-file-format.js';
import { type StoredKey, stateOf } from '../access/keys.js';
import { type Author, createManagedKeys, type ManagedKeys } from '../access/managed-keys.js';
import type { Config } from '../config.js';
import { toWireKey } from '../dialects/admin.js';
import { AppError } from '../errors.js';
import { silentLogger } from '../log.js';
import { auditFileOf } from '../settings/access.js';
import { openAuditLog } from '../store/audit-log.js';
import { CommandError, runCommand, UsageError } from './command.js';
import { type KeyAction, parseKeyAction } from './key-options.js';

const usage = `create NAME [--role admin] [--scopes generate,history] [--expires 90d]
                               [--requests-per-minute N] [--concurrency N] [--tokens-per-day N]
       npm run keys -- list [--json]
       npm run keys -- revoke NAME|ID [--force]
       npm run keys -- rotate NAME|ID [--grace 1h]`;

const about = `Looks after the keys that requests must carry once there is one. A running gateway knows of a change within a second.

create  makes a key and prints its secret, this once, alone on stdout (npm run -s keeps npm's own lines away).
        --role     user (the default: sees what it asked itself) or admin (sees and may do everything);
                   the first must be an admin's, unless there is an API_KEY
        --scopes   what it is good for, with commas: generate, embed, history, documents:read, documents:write, metrics;
                   all but metrics unless given
        --expires  from now (30m, 12h, 90d, 2w), or a day, or a time with its zone; never unless given
list    shows all keys that were ever made, without their secrets; --json as JSON.
revoke  ends a key for ever; its name stays with its history. --force also the last admin's where there is no API_KEY.
rotate  makes a new secret for a key and prints it; --grace is how long the former one works beside it (0 unless given).

Every change goes into the audit, audit.jsonl beside the log.
Exit codes: 0 done, 1 there is no such key or it cannot be done, 78 wrong usage or settings.`;

/** Blanks can be in no key's name. */
const AUTHOR: Author = { actor: 'command line', address: null, requestId: null };
/** A gateway that runs puts its audit aside when it is full; this one process does not. */
const NEVER_FULL = Number.MAX_SAFE_INTEGER;
/** What the options said, and a person can say better. */
const SAID = new Set(['name', 'scopes', 'expires_at']);

export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  await runCommand(
    {
      name: 'keys',
      usage,
      about,
      settings: [
        'MINIVAULT_KEYS_FILE',
        'MINIVAULT_DATA_DIR',
        'MINIVAULT_AUDIT_FILE',
        'MINIVAULT_LOG_FILE',
        'API_KEY',
      ],
      run: async (config, _logger, words) => {
        process.umask(0o077);
        const action = parseKeyAction(words, Date.now());
        try {
          await perform(action, config);
        } catch (error) {
          throw toExpected(error);
        }
        return 0;
      },
    },
    args,
  );
}

async function perform(asked: KeyAction, config: Config): Promise<void> {
  const file = keyFileOf(config);
  if (asked.action === 'list') {
    print(readKeyFile(file), asked.isJson);
    return;
  }
  await withManagedKeys(file, config, async keys => {
    switch (asked.action) {
      case 'create': {
        const isFirst = readKeyFile(file).length === 0 && config.API_KEY === null;
        const { name, role, scopes, expiresAt, limits } = asked;
        const draft = { name, role, expiresAt, limits, ...(scopes === null ? {} : { scopes }) };
        const { key, secret } = await keys.create(draft, AUTHOR);
        hand(secret, `Key "${key.name}" (${key.role}) is made`);
        if (isFirst) say('From now on every request needs a key.');
        return;
      }
      case 'rotate': {
        const { key, secret } = await keys.rotate(asked.key, asked.graceMs, AUTHOR);
        const [former] = key.former;
        hand(secret, `Key "${key.name}" has a new secret`);
        say(
          asked.graceMs > 0 && former
            ? `The former one works until ${former.until}.`
            : 'The former one has ended.',
        );
        return;
      }
      case 'revoke': {
        const { name } = await keys.revoke(asked.key, asked.isForced, AUTHOR);
        say(`Key "${name}" is revoked.`);
        return;
      }
    }
  });
}

/** What is done is audited; that the audit could not be written is said, and undoes nothing. */
async function withManagedKeys(
  file: string,
  config: Config,
  work: (keys: ManagedKeys) => Promise<void>,
): Promise<void> {
  const auditFile = auditFileOf(config);
  const isNew = !existsSync(auditFile);
  const audit = await openAuditLog({ path: auditFile, maxBytes: NEVER_FULL, logger: silentLogger() });
  if (isNew) giveToFolderOwner(auditFile);
  try {
    const hasApiKey = config.API_KEY !== null;
    await work(createManagedKeys({ file, hasApiKey, audit: event => audit.append(event) }));
  } finally {
    await audit.close();
    const { dropped, lastError } = audit.status();
    if (dropped > 0) say(`The audit ${auditFile} could not be written: ${lastError}.`);
  }
}

/** What root made here, the gateway, which is hopefully not root, must be able to write. */
function giveToFolderOwner(file: string): void {
  if (process.getuid?.() !== 0 || !existsSync(file)) return;
  const { uid, gid } = statSync(path.dirname(file));
  chownSync(file, uid, gid);
}

function toExpected(error: unknown): unknown {
  if (error instanceof KeyFileError) return new CommandError(error.message);
  if (error instanceof AppError && error.code === 'invalid_request' && SAID.has(error.param ?? '')) {
    return new UsageError(error.message);
  }
  if (error instanceof Error && 'syscall' in error) return new CommandError(error.message);
  return error;
}

/** The secret alone on stdout, so that a script can take it. */
function hand(secret: string, what: string): void {
  say(`${what}. Its secret is shown this once:`);
  process.stdout.write(`${secret}\n`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(keys: readonly StoredKey[], isJson: boolean): void {
  const nowMs = Date.now();
  if (isJson) {
    const told = keys.map(key => toWireKey({ ...key, state: stateOf(key, nowMs) }));
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return;
  }
  if (keys.length === 0) {
    say('There are no keys: requests need none.');
    return;
  }
  const rows = keys.map(key => [
    key.name,
    `${key.secret.prefix}…`,
    stateOf(key, nowMs),
    key.role,
    key.role === 'admin' ? 'all' : key.scopes.join(','),
    key.createdAt.slice(0, 10),
    key.expiresAt?.slice(0, 16).concat('Z') ?? 'never',
    limitsOf(key),
    key.id,
  ]);
  const head = ['NAME', 'SECRET', 'STATE', 'ROLE', 'SCOPES', 'MADE', 'EXPIRES', 'LIMITS', 'ID'];
  process.stdout.write(table([head, ...rows]));
}

function limitsOf({ limits: { requestsPerMinute, concurrency, tokensPerDay } }: StoredKey): string {
  const told = [
    requestsPerMinute === null ? null : `${requestsPerMinute}/min`,
    concurrency === null ? null : `${concurrency} at once`,
    tokensPerDay === null ? null : `${tokensPerDay} tokens/day`,
  ].filter(limit => limit !== null);
  return told.join(', ') || 'none';
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
