// What a machine can lack, each as one line with its remedy. Knows what npm, pip and venv print; runs nothing.

/** sysexits' EX_CONFIG: something outside the program has to be put right first. */
export const EXIT_FAULT = 78;

/** A fault that ends set-up. The message is one line: what is wrong and what to do. */
export class Fault extends Error {
  /** @override */
  name = 'Fault';
  exitCode = EXIT_FAULT;
  /** Whether the step had changed nothing yet, so that it need not start over. */
  harmless = false;
}

/** The same for a child whose fault is not known: most likely the program's own, so not 78. */
export class StepFailure extends Fault {
  /** @override */
  name = 'StepFailure';
  /** @override */
  exitCode = 1;
}

const REGISTRY_REMEDY =
  'check the network, the proxy (HTTPS_PROXY) and the registry that `npm config list` and `pip config list` show, then run this again';

/**
 * First match wins: a full disk also breaks connections, and pip says "No matching distribution" when it reached nobody.
 * @type {ReadonlyArray<readonly [RegExp, string]>}
 */
const KNOWN = [
  [
    /ensurepip is not available|No module named '?(?:venv|ensurepip)/,
    "Python's venv module is not whole; install it (Debian, Ubuntu: `apt install python3-venv`) and run this again",
  ],
  [
    /ENOSPC|EDQUOT|No space left on device|Errno 28|Disk quota exceeded/,
    'the disk is full; free space (this folder, the temporary folder and the caches of npm and pip count) and run this again',
  ],
  [
    /CERT_HAS_EXPIRED|SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|CERTIFICATE_VERIFY_FAILED/,
    "the registry's certificate is not trusted here; name your authority in NODE_EXTRA_CA_CERTS (npm) and PIP_CERT (pip) and run this again",
  ],
  [
    /\bE40[137]\b|\b40[137] (?:Client )?Error\b|HTTP error 40[137]|Proxy Authentication Required/,
    'the package registry or proxy refused the request; check its address and credentials in the configuration of npm and pip',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONN(?:REFUSED|RESET)|ETIMEDOUT|E(?:NET|HOST)UNREACH|ERR_SOCKET_TIMEOUT|\bE50\d\b|HTTP error 50\d|too many 50\d error/,
    `the package registry cannot be reached; ${REGISTRY_REMEDY}`,
  ],
  [
    /NewConnectionError|NameResolutionError|(?:Connect|Read)TimeoutError|ProxyError|RemoteDisconnected|IncompleteRead/,
    `the package registry cannot be reached; ${REGISTRY_REMEDY}`,
  ],
  [
    /EACCES|EPERM|EROFS|Permission denied|Read-only file system/,
    'a file cannot be written; run this as the owner of the folder (not with sudo), on a file system that is not read-only',
  ],
  [
    /\bE404\b/,
    'the package registry lacks a package that the lock file names; point npm at a complete registry and run this again',
  ],
  [
    /EUSAGE|can only install packages when your package\.json and package-lock\.json/,
    'package.json and package-lock.json do not agree; run `npm install` and commit the lock file',
  ],
];

/** Where the first error says what is wrong: tsc, npm, pip. Otherwise, as in a traceback, the last line does. */
const FIRST_ERROR = /\berror TS\d+|^npm error (?!code |errno |syscall |path |dest )\S|^ERROR: /;

/**
 * The known fault behind a child's output, with its remedy.
 * @param {string} output
 * @returns {string | null}
 */
export function recognise(output) {
  const known = KNOWN.find(([pattern]) => pattern.test(output));
  if (known !== undefined) return known[1];
  const requirement = /No matching distribution found for ([^\s;]+)/.exec(output)?.[1];
  if (requirement === undefined) return null;
  return (
    `there is no build of ${requirement} for this Python on ${process.platform} ${process.arch}; ` +
    'set MINIVAULT_SETUP_PYTHON to a 64-bit Python 3.10 to 3.14, or pip to a registry that has it, and run this again'
  );
}

/**
 * What to throw for a child that failed: a known fault, lack of memory, or its own words.
 * @param {string} title of the step
 * @param {{code: number | null, signal: string | null, output: string}} result
 * @param {string} logFile named for the rest
 * @returns {Fault}
 */
export function childFault(title, { code, signal, output }, logFile) {
  const rest = `(all it said: ${logFile})`;
  const known =
    recognise(output) ??
    (signal === 'SIGKILL'
      ? 'was killed, most likely for lack of memory; close other programs and run this again'
      : null);
  if (known !== null) return new Fault(`${title}: ${known} ${rest}`);
  const lines = output.split('\n').filter(line => line.trim() !== '');
  const words = lines.find(line => FIRST_ERROR.test(line)) ?? lines.at(-1) ?? '';
  return new StepFailure(`${title}: ended with ${signal ?? `exit code ${code}`}: ${words.trim()} ${rest}`);
}

/**
 * A refused file operation of set-up itself as a Fault; anything else unchanged.
 * @param {unknown} error
 */
export function toFault(error) {
  if (!(error instanceof Error) || !('code' in error) || error instanceof Fault) return error;
  const remedy = recognise(String(error.code));
  const file = 'path' in error ? `${error.path}: ` : '';
  return remedy === null ? error : new Fault(`${file}${remedy}`, { cause: error });
}
