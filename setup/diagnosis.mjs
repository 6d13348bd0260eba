// `npm run doctor`: all that is looked at, one after the other, and how it is told. Changes nothing.
import { stopChildren } from './child.mjs';
import { fault } from './finding.mjs';
import { installFindings } from './install-findings.mjs';
import { machineFindings } from './machine-findings.mjs';
import { serviceFindings } from './service-findings.mjs';
import { readSettings } from './settings.mjs';

const USAGE = `Usage: npm run doctor [-- --json]

Looks at this machine, this copy of minivault and its settings, and says of each whether it is ok or what to do. It
changes nothing and can be run beside a gateway. Exit code 0 when there is no fault, 1 when there is one.

  --json  one JSON object: {"ok", "findings": [{"name", "verdict", "text", "remedy"}]}
`;
const MARKS = { ok: '✔ ok     ', warning: '! warning', fault: '✘ fault  ' };

/** @typedef {import('./finding.mjs').Finding} Finding */

/**
 * @param {string} root of the repository
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function diagnose(root, args) {
  const unknown = args.find(word => word !== '--json' && word !== '--help');
  if (args.includes('--help') || unknown !== undefined) {
    (unknown === undefined ? process.stdout : process.stderr).write(USAGE);
    return unknown === undefined ? 0 : 1;
  }
  const show = args.includes('--json') ? () => {} : showFinding;
  /** @type {Finding[]} */
  const findings = [];
  const settings = await readSettings(root);
  for (const look of [
    () => machineFindings(root, settings),
    () => installFindings(root, settings),
    () => serviceFindings(root, settings),
  ]) {
    for await (const finding of guarded(look())) {
      findings.push(finding);
      show(finding);
    }
  }
  await stopChildren();
  const count = (/** @type {Finding['verdict']} */ verdict) =>
    findings.filter(finding => finding.verdict === verdict).length;
  const spell = (/** @type {Finding['verdict']} */ verdict) =>
    `${count(verdict)} ${verdict}${count(verdict) === 1 ? '' : 's'}`;
  const isOk = count('fault') === 0;
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ ok: isOk, findings }, null, 1)}\n`);
  else process.stdout.write(`\n${count('ok')} ok, ${spell('warning')}, ${spell('fault')}\n`);
  return isOk ? 0 : 1;
}

/**
 * What was not foreseen is a finding, too: the doctor is asked when things are not as they should be.
 * @param {AsyncIterable<Finding>} findings
 */
async function* guarded(findings) {
  try {
    yield* findings;
  } catch (error) {
    yield fault('Doctor', String(error), 'this is a fault of the doctor itself; please report it');
  }
}

/** @param {Finding} finding */
function showFinding({ name, verdict, text, remedy }) {
  process.stdout.write(`${MARKS[verdict]}  ${name}: ${text}\n`);
  if (remedy !== null) process.stdout.write(`${' '.repeat(11)}→ ${remedy}\n`);
}
