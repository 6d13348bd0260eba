// A clone of this repository in a temporary folder, with the real set-up and fake programs: no network, no packages.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const SETUP = path.resolve(import.meta.dirname, '..');
const FAKE_PROGRAMS = import.meta.dirname;
const PROGRAM = path.join(FAKE_PROGRAMS, 'fake-program.sh');
/** Just what set-up hashes or needs to exist. */
const FILES = {
  'package.json': '{"type":"module"}',
  'package-lock.json': '{}',
  '.npmrc': '',
  'requirements.txt': 'torch==1\n',
  'requirements-dev.txt': '',
  'requirements-model.txt': '',
  'tsconfig.json': '{}',
  'tsconfig.build.json': '{}',
  'tsconfig.cli.json': '{}',
  'cli.test.ts': '',
  'server/main.ts': '',
  'server/main.test.ts': '',
  'web/index.html': '',
  'python/prepare_model.py': '',
  'python/conversion.py': '',
};

/**
 * How a fake program strays: `on` is part of its command line; `say` goes to stdout, `code` ends it, `hang` never
 * does, `awaits` holds it until a file of that name is in the clone.
 */
export interface Rule {
  readonly on: string;
  readonly say?: string;
  readonly code?: number;
  readonly hang?: boolean;
  readonly awaits?: string;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Everything on stderr so far. */
  stderr(): string;
  readonly finished: Promise<Finished>;
}

export interface RunOptions {
  readonly rule?: Rule;
  readonly env?: Readonly<Record<string, string>>;
  readonly script?: string;
  readonly spawn?: SpawnOptions;
}

function ruleEnv(rule: Rule | undefined): Record<string, string> {
  if (rule === undefined) return {};
  return {
    FAKE_ON: rule.on,
    FAKE_SAY: rule.say ?? '',
    FAKE_CODE: rule.code === undefined ? '' : String(rule.code),
    FAKE_HANG: rule.hang ? 'yes' : '',
    FAKE_AWAIT: rule.awaits ?? '',
  };
}

export class FakeClone {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** @param programs the fakes on PATH, which holds nothing else */
  static async create(programs: readonly string[] = ['npm', 'python3']): Promise<FakeClone> {
    const clone = new FakeClone(await mkdtemp(path.join(tmpdir(), 'minivault set-up é-')));
    const scripts = (await readdir(SETUP)).filter(name => name.endsWith('.mjs'));
    await mkdir(clone.path('setup'));
    await Promise.all(scripts.map(name => cp(path.join(SETUP, name), clone.path('setup', name))));
    await Promise.all(Object.entries(FILES).map(([file, text]) => clone.write(file, text)));
    await mkdir(clone.path('bin'));
    for (const name of programs) await symlink(PROGRAM, clone.path('bin', name));
    return clone;
  }

  path(...segments: string[]): string {
    return path.join(this.root, ...segments);
  }

  async write(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), text);
  }

  /** Its text, '' when there is no such file. */
  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8').catch(() => '');
  }

  async remove(file: string): Promise<void> {
    await rm(this.path(file), { recursive: true, force: true });
  }

  /** The fake programs run so far, as command lines with the clone's path left out. */
  async calls(): Promise<string[]> {
    const text = await this.read('calls.log');
    return text.replaceAll(`${this.root}/`, '').split('\n').slice(0, -1);
  }

  /** `calls`, and forgets them; only when none can be made meanwhile. */
  async takeCalls(): Promise<string[]> {
    const calls = await this.calls();
    await this.remove('calls.log');
    return calls;
  }

  /** The process a hanging fake has left behind, once it is up. */
  async descendantPid(): Promise<number | null> {
    const text = await this.read('descendant.pid');
    return text === '' ? null : Number(text);
  }

  start({ rule, env = {}, script = 'setup/start.mjs', spawn: options = {} }: RunOptions = {}): Running {
    const child = spawn(process.execPath, [this.path(script)], {
      cwd: this.root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: this.path('bin'), FAKE_ROOT: this.root, FAKE_PROGRAMS, ...ruleEnv(rule), ...env },
      ...options,
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
    return { child, stderr: () => stderr, finished };
  }

  run(options: RunOptions = {}): Promise<Finished> {
    return this.start(options).finished;
  }

  async dispose(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
