// What the gateway talks to: its settings, its port, the database and Redis. Opens connections and changes nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { fault, ok, warning } from './finding.mjs';
import { pidListeningOn } from './listener.mjs';
import { isAlive } from './process-identity.mjs';

const TIMEOUT_MS = 5_000;

/** @typedef {import('./finding.mjs').Finding} Finding */
/** @typedef {import('./settings.mjs').Settings} Settings */

/**
 * @param {string} root
 * @param {Settings} settings
 * @returns {AsyncGenerator<Finding>}
 */
export async function* serviceFindings(root, { values, faults, unknown }) {
  if (faults === null) yield ok('Settings', 'not asked: they are checked once set-up is done');
  else if (faults.length === 0) yield ok('Settings', 'as they may be');
  for (const text of faults ?? []) yield fault('Settings', text, 'change it, or unset it for the default');
  for (const text of unknown) yield warning('Settings', text, 'correct its name, or unset it');
  yield await lookAtPort(String(values.HOST), Number(values.PORT));
  const { DATABASE_URL: url, REDIS_URL: redis } = values;
  if (values.MINIVAULT_VAULT !== 'on') yield ok('Database', 'switched off (MINIVAULT_VAULT)');
  else if (typeof url === 'string') yield await lookAtPostgres(root, url);
  else yield lookAtEmbedded(path.join(String(values.MINIVAULT_DATA_DIR), 'vault'));
  if (typeof redis === 'string') yield await lookAtRedis(redis);
}

/**
 * @param {string} host
 * @param {number} port
 */
async function lookAtPort(host, port) {
  const name = 'Port';
  const place = `${port} on ${host}`;
  const code = await new Promise(resolve => {
    const server = createServer();
    server.once('error', error => resolve(/** @type {NodeJS.ErrnoException} */ (error).code));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
  if (code === null) return ok(name, port === 0 ? 'any free one' : `${place} is free`);
  if (code === 'EACCES')
    return fault(name, `${place} may only be used by root`, 'set PORT to one from 1024 on');
  if (code !== 'EADDRINUSE')
    return fault(name, `${place} cannot be used (${code})`, 'set HOST to an address of this machine');
  const running = await askMinivault(host, port);
  if (running !== null) return ok(name, `minivault ${running} runs on ${place}`);
  const pid = pidListeningOn(port);
  return fault(
    name,
    `${place} is taken${pid === null ? '' : ` by process ${pid.pid} (${pid.command})`}`,
    'stop what listens there, or set PORT to another one',
  );
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<string | null>} the version of the minivault that listens there; null when it is none
 */
async function askMinivault(host, port) {
  const reachable =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${reachable}:${port}/`, {
      headers: { Accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { name, version } = /** @type {{name?: unknown, version?: unknown}} */ (await response.json());
    return name === 'minivault' ? String(version) : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} root
 * @param {string} url
 */
async function lookAtPostgres(root, url) {
  const name = 'Database';
  if (!URL.canParse(url)) {
    return fault(
      name,
      'DATABASE_URL is no URL',
      'write postgresql://user:password@host:5432/name, what is special in the password escaped',
    );
  }
  const { hostname, port, username, pathname } = new URL(url);
  const user = decodeURIComponent(username) || 'postgres';
  const place = {
    server: `PostgreSQL at ${decodeURIComponent(hostname) || 'localhost'}:${port || '5432'}`,
    user,
    name: decodeURIComponent(pathname.slice(1)) || user,
  };
  const describe = path.join(root, 'dist', 'store', 'database-faults.js');
  if (!existsSync(describe) || !existsSync(path.join(root, 'node_modules', 'pg')))
    return warning(name, `${place.server} was not asked`, 'run `npm run setup`, then this again');
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `select current_setting('server_version') as version, default_version as available, installed_version as installed,
        has_schema_privilege(current_schema(), 'create') as may_create
        from (select 1) one left join pg_available_extensions on name = 'vector'`,
    );
    const { version, available, installed, may_create: mayCreate } = rows[0];
    const text = `${place.server}, version ${version}, database "${place.name}"`;
    if (mayCreate !== true) {
      return fault(
        name,
        `${text}: "${user}" may make no tables there`,
        `have its owner run \`grant create on schema public to "${user}"\``,
      );
    }
    if (available === null) {
      return warning(
        name,
        `${text}, lacks pgvector: no documents and no search by meaning`,
        'install it (Debian, Ubuntu: `apt install postgresql-NN-pgvector`) and start the gateway again',
      );
    }
    return ok(name, `${text}, pgvector ${installed ?? `${available}, which the gateway will install`}`);
  } catch (error) {
    const { describeFault } = await import(pathToFileURL(describe).href);
    return fault(
      name,
      describeFault(error, place),
      'answers go on into the log meanwhile; history and search do not',
    );
  } finally {
    await client.end().catch(() => {});
  }
}

/** @param {string} folder */
function lookAtEmbedded(folder) {
  const holder = holderOf(folder);
  const has = holder === null ? '' : `, in use by process ${holder}`;
  if (existsSync(path.join(folder, 'PG_VERSION'))) return ok('Database', `embedded, ${folder}${has}`);
  return ok('Database', `embedded, ${folder}; made at the first start`);
}

/**
 * The process that has a folder's lock, as server/locks/folder-lock.ts writes it.
 * @param {string} folder
 * @returns {number | null}
 */
function holderOf(folder) {
  const prefix = `${path.basename(folder)}.lock.`;
  try {
    const numbers = readdirSync(path.dirname(folder))
      .filter(entry => entry.startsWith(prefix) && /^\d+$/.test(entry.slice(prefix.length)))
      .map(entry => Number(entry.slice(prefix.length)));
    const text = readFileSync(path.join(path.dirname(folder), `${prefix}${Math.max(...numbers)}`), 'utf8');
    const claim = JSON.parse(text);
    return !claim.released && isAlive(claim) ? claim.pid : null;
  } catch {
    return null;
  }
}

/** @param {string} url */
async function lookAtRedis(url) {
  const name = 'Redis';
  if (!URL.canParse(url))
    return fault(name, 'REDIS_URL is no URL', 'write redis://user:password@host:6379/0');
  const { protocol, hostname, port, username, password } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const place = `${host}:${port || 6379}`;
  const words = [decodeURIComponent(username), decodeURIComponent(password)].filter(word => word !== '');
  const commands = [...(words.length > 0 ? [['AUTH', ...words]] : []), ['INFO', 'server']];
  const answer = await new Promise(resolve => {
    const target = { host, port: Number(port || 6379), timeout: TIMEOUT_MS };
    const socket = protocol === 'rediss:' ? connectTls({ ...target, servername: host }) : connect(target);
    let text = '';
    const end = (/** @type {string} */ result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(TIMEOUT_MS, () => end('no answer in time'));
    socket.once('error', error => end(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    socket.once('close', () => end(text === '' ? 'it closed the connection' : text));
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      if (/^-|\n-|redis_version:\S+/.test(text)) end(text);
    });
    for (const words of commands) {
      socket.write(
        `*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
      );
    }
  });
  const version = /redis_version:(\S+)/.exec(answer)?.[1];
  if (version !== undefined) return ok(name, `${place}, version ${version}`);
  const why = /(?:^|\n)-(NOAUTH|WRONGPASS|ERR invalid password)/.test(answer)
    ? 'lets nobody in with this user and password'
    : `does not answer as Redis does: ${answer.split('\n')[0]?.trim().slice(0, 80)}`;
  return warning(
    name,
    `${place} ${why}`,
    'limits are counted by each gateway for itself meanwhile; check REDIS_URL',
  );
}
