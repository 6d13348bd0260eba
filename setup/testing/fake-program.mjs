// Stands for npm, python and tsc in the tests of set-up: notes its call in calls.log and leaves behind what the real
// one would, unless the plan in FAKE_PLAN says otherwise. Knows nothing of set-up.
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = process.env.FAKE_ROOT ?? '.';
const [, program = '', ...args] = process.argv;
const call = [path.basename(program), ...args].join(' ').replace(/ -c .*/s, ' -c');
const isProbe = args[0] === '-c';

/**
 * @param {string} file
 * @param {string} text
 */
function write(file, text) {
  const target = path.resolve(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  chmodSync(target, 0o755);
}

/** @param {string} file */
function writeProgram(file) {
  write(file, `#!${process.execPath}\nimport(${JSON.stringify(import.meta.url)});\n`);
}

function behave() {
  const outDir = args[args.indexOf('--outDir') + 1] ?? '';
  if (isProbe) {
    const python = { version: [3, 11, 7], executable: program, venv: true, pip: true };
    process.stdout.write(`${JSON.stringify(python)}\n`);
  } else if (call.includes('npm ci')) {
    write('node_modules/.package-lock.json', '{}');
    writeProgram('node_modules/typescript/bin/tsc');
  } else if (args.includes('venv')) {
    writeProgram('.venv/bin/python');
  } else if (args.includes('tsconfig.build.json')) {
    write(`${outDir}/main.js`, "export async function main() { console.log('serving in', process.pid); }\n");
  } else if (args.includes('tsconfig.cli.json')) {
    write(`${outDir}/cli.test.js`, '');
  } else if (args.includes('--data-dir')) {
    write(`${args.at(-1)}/models/smollm2-135m-instruct/minivault.json`, '{}');
  }
}

/** @type {{on: string, say?: string, code?: number, hang?: boolean, awaits?: string}[]} */
const plan = JSON.parse(process.env.FAKE_PLAN ?? '[]');
const rule = plan.find(({ on }) => call.includes(on));
if (!isProbe) appendFileSync(path.join(root, 'calls.log'), `${call}\n`);
process.stdout.write(rule?.say ?? '');
while (rule?.awaits && !existsSync(path.join(root, rule.awaits))) await sleep(5);
if (rule?.hang) {
  // A descendant that has to be killed: it ignores SIGTERM and outlives its parent.
  const stubborn = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)";
  const descendant = spawn(process.execPath, ['-e', stubborn], { stdio: ['ignore', 'pipe', 'inherit'] });
  descendant.stdout.once('data', () => write('descendant.pid', String(descendant.pid)));
  setInterval(() => {}, 1000);
} else if (rule === undefined || rule.code === undefined) {
  behave();
} else {
  process.exitCode = rule.code;
}
