// Known vulnerabilities of what runs (not of what only tests it), as npm audit and pip-audit know them. Says so when they
// could not be asked: an answer that nobody gave is no clean bill.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { runChild, stopChildren } from './child.mjs';
import { npmCommand } from './node-steps.mjs';
import { pythonEnv, venvPython } from './python.mjs';

const EXIT_FOUND = 1;
const EXIT_NOT_ASKED = 2;
const TIMEOUT_MS = 300_000;
const GRAVE = ['high', 'critical'];
const USAGE = `Usage: npm run audit

Asks npm audit and pip-audit for known vulnerabilities of the packages that run. Exit code 0: both were asked, and
neither knows a grave one; 1: there is one (high or critical of npm, any of Python); 2: one could not be asked.
`;

/**
 * @typedef {object} Answer
 * @property {readonly string[]} grave one line each
 * @property {readonly string[]} lesser
 * @property {string | null} notAsked why there is no answer, or no whole one
 */

/**
 * @param {string} root
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function audit(root, args) {
  if (args.length > 0) {
    const isHelp = args[0] === '--help';
    (isHelp ? process.stdout : process.stderr).write(USAGE);
    return isHelp ? 0 : EXIT_NOT_ASKED;
  }
  const answers = { 'npm audit': await askNpm(root), 'pip-audit': await askPip(root) };
  await stopChildren();
  for (const [name, { grave, lesser, notAsked }] of Object.entries(answers)) {
    const words =
      notAsked !== null ? `could not ask: ${notAsked}` : `${grave.length} grave, ${lesser.length} lesser`;
    process.stdout.write(`${name}: ${words}\n`);
    for (const line of [...grave, ...lesser]) process.stdout.write(`  ${line}\n`);
  }
  const all = Object.values(answers);
  if (all.some(({ grave }) => grave.length > 0)) return EXIT_FOUND;
  return all.some(({ notAsked }) => notAsked !== null) ? EXIT_NOT_ASKED : 0;
}

/**
 * @param {string} why
 * @returns {Answer}
 */
function unasked(why) {
  return { grave: [], lesser: [], notAsked: why };
}

/**
 * @param {string} root
 * @returns {Promise<Answer>}
 */
async function askNpm(root) {
  const [command, ...args] = npmCommand();
  // A quiet npm says nothing of why it got no answer.
  const output = await outputOf(command, [...args, 'audit', '--omit=dev', '--json', '--loglevel=silent'], {
    cwd: root,
  });
  if (output === null) return unasked('npm does not run');
  const { vulnerabilities, message } = parseObject(output);
  if (typeof vulnerabilities !== 'object' || vulnerabilities === null)
    return unasked(typeof message === 'string' ? message : 'npm says nothing that can be read');
  const found = Object.values(vulnerabilities).map(({ name, severity, range, fixAvailable }) => ({
    severity,
    line: `${name} ${range}: ${severity}${fixAvailable ? ', there is a newer one' : ''}`,
  }));
  return {
    grave: found.filter(({ severity }) => GRAVE.includes(severity)).map(({ line }) => line),
    lesser: found.filter(({ severity }) => !GRAVE.includes(severity)).map(({ line }) => line),
    notAsked: null,
  };
}

/**
 * @param {string} root
 * @returns {Promise<Answer>}
 */
async function askPip(root) {
  const command = await findPipAudit(root);
  if (command === null) {
    return unasked(
      'there is no pip-audit; install it beside this (`pipx install pip-audit`) and run this again',
    );
  }
  const files = ['requirements.txt', 'requirements-model.txt'].flatMap(file => ['-r', file]);
  const options = ['--no-deps', '--disable-pip', '--format=json', '--progress-spinner=off'];
  const [program, ...args] = command;
  const output = await outputOf(program, [...args, ...files, ...options], { cwd: root, env: pythonEnv() });
  if (output === null) return unasked('pip-audit does not run');
  const { dependencies } = parseObject(output);
  if (!Array.isArray(dependencies)) return unasked(lastLine(output));
  const skipped = dependencies.filter(({ skip_reason: reason }) => reason !== undefined);
  return {
    grave: dependencies.flatMap(({ name, version, vulns = [] }) =>
      vulns.map(
        (/** @type {{id: string, fix_versions?: string[]}} */ { id, fix_versions: fixes = [] }) =>
          `${name} ${version}: ${id}${fixes.length > 0 ? `, mended in ${fixes.join(', ')}` : ''}`,
      ),
    ),
    lesser: [],
    // It takes a service that knows nothing for one that knows nothing bad.
    notAsked:
      skipped.length === 0
        ? null
        : `${skipped.length} of ${dependencies.length} packages, first ${skipped[0].name}: ${skipped[0].skip_reason}`,
  };
}

/**
 * In the environment of the worker, or as a program.
 * @param {string} root
 * @returns {Promise<[string, ...string[]] | null>}
 */
async function findPipAudit(root) {
  const python = venvPython(path.join(root, '.venv'));
  /** @type {[string, ...string[]][]} */
  const candidates = [
    ...(existsSync(python) ? [/** @type {[string, ...string[]]} */ ([python, '-m', 'pip_audit'])] : []),
    ['pip-audit'],
  ];
  for (const candidate of candidates) {
    const [program, ...args] = candidate;
    try {
      const { code } = await runChild(program, [...args, '--version'], { timeoutMs: TIMEOUT_MS });
      if (code === 0) return candidate;
    } catch {
      // No such program.
    }
  }
  return null;
}

/**
 * All that a program says; null when it cannot be started. Its exit code tells no more.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('./child.mjs').ChildOptions} options
 */
async function outputOf(command, args, options) {
  let output = '';
  try {
    await runChild(command, args, {
      ...options,
      timeoutMs: TIMEOUT_MS,
      // The tail that it keeps may be too short for a long answer.
      onLine: line => {
        output += `${line}\n`;
      },
    });
    return output;
  } catch {
    return null;
  }
}

/**
 * The JSON object among other lines.
 * @param {string} text
 * @returns {Record<string, any>} empty when there is none
 */
function parseObject(text) {
  for (const candidate of [text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1), ...text.split('\n')]) {
    try {
      const value = JSON.parse(candidate);
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Not this one.
    }
  }
  return {};
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1)?.slice(0, 200) || 'it says nothing';
}
