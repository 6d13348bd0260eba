// What an error of the driver says about the database, in one line without secrets. Knows no query.
import pg from 'pg';

/**
 * `lost`: the connection, and most likely the others too, are no good any more. `unable`: the database lives and cannot
 * do this now. `own`: the query's own error.
 */
export type FaultKind = 'lost' | 'unable' | 'own';

/** Where the database is, for people: without user's password. */
export interface DatabasePlace {
  /** `PostgreSQL at localhost:5432`. */
  readonly server: string;
  readonly user: string;
  readonly name: string;
}

/** SQLSTATEs and classes of them (two letters). */
const LOST = ['08', '57P', '25006'];
const UNABLE = ['53', '57014', '58', '40001', '40P01', '55P03'];

/** What the error of a query on an open connection means. */
export function kindOfFault(error: unknown): FaultKind {
  // Whatever else comes out of a connection is its end: a socket's error, or the driver's word for it.
  if (!(error instanceof pg.DatabaseError)) return 'lost';
  const code = error.code ?? '';
  if (LOST.some(state => code.startsWith(state))) return 'lost';
  return UNABLE.some(state => code.startsWith(state)) ? 'unable' : 'own';
}

/** One line for people, with a remedy where there is one. */
export function describeFault(error: unknown, { server, user, name }: DatabasePlace): string {
  const { code = '', message } = error as { code?: string; message: string };
  if (code === '3D000') return `${server} has no database "${name}": create it, or change DATABASE_URL`;
  if (code.startsWith('28'))
    return `${server} lets "${user}" not in: check user and password in DATABASE_URL`;
  if (code === '57014') return `${server} did not answer in time`;
  if (code === '53100' || code === 'ENOSPC') return `${server} has no space left on its disk`;
  if (code === '53300') return `${server} has no connection left`;
  if (code === '42501') return `"${user}" may not do this in "${name}" of ${server}: ${message}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `${server} is a name that nobody knows`;
  if (/^E[A-Z]+$/.test(code)) return `${server} cannot be reached (${code})`;
  if (/timeout/i.test(message)) return `${server} did not answer in time`;
  if (/\bSSL\b|certificate|TLS/i.test(`${code} ${message}`))
    return `No TLS with ${server}: ${oneLine(message)}; see sslmode in DATABASE_URL`;
  if (/terminated|not queryable/i.test(message) || code.startsWith('57P'))
    return `${server} closed the connection`;
  return `${server}: ${oneLine(message)}`;
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}
