// A real browser for tests, out of a package: nothing is downloaded. Linux on x64 only, as the package is.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export const HAS_BROWSER = process.platform === 'linux' && process.arch === 'x64';

const MODULES_DIR = path.resolve(import.meta.dirname, '..', '..', 'node_modules');
const CACHE_DIR = path.join(MODULES_DIR, '.cache');
/** What unpacking changes in this process's environment, and must not stay. */
const VARIABLES = ['TMPDIR', 'AWS_LAMBDA_JS_RUNTIME', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH'] as const;

/** The package's own arguments would switch off what is tested: `--disable-web-security`. */
const ARGS = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'];

/** Unpacks the browser once, which takes some ten seconds; later calls find it. */
export async function launchBrowser(): Promise<Browser> {
  const folder = await unpack();
  const executablePath = path.join(folder, 'chromium');
  const env = { ...process.env, FONTCONFIG_FILE: await nameFonts(folder) } as Record<string, string>;
  try {
    return await chromium.launch({ executablePath, args: ARGS, env });
  } catch {
    // A bare machine lacks some of its libraries; the package has them.
    const LD_LIBRARY_PATH = path.join(folder, 'al2023', 'lib');
    return chromium.launch({ executablePath, args: ARGS, env: { ...env, LD_LIBRARY_PATH } });
  }
}

/** The package's own list of fonts names folders that are nowhere, and a text field without any font ends its page. */
async function nameFonts(folder: string): Promise<string> {
  const list = path.join(folder, 'fonts.conf');
  const draft = `${list}.${process.pid}`;
  const [fonts, cache] = [path.join(folder, 'fonts'), path.join(folder, 'fonts-cache')];
  await writeFile(draft, `<fontconfig><dir>${fonts}</dir><cachedir>${cache}</cachedir></fontconfig>\n`);
  await rename(draft, list);
  return list;
}

async function unpack(): Promise<string> {
  const manifest = await readFile(path.join(MODULES_DIR, '@sparticuz', 'chromium', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const folder = path.join(CACHE_DIR, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE_DIR, { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  const before = VARIABLES.map(name => [name, process.env[name]] as const);
  // The package unpacks to the folder for temporary files, its libraries only where it takes the machine for a cloud's.
  Object.assign(process.env, { TMPDIR: unfinished, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' });
  try {
    const { default: packed } = await import('@sparticuz/chromium');
    await packed.executablePath();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  // Only a whole one is ever found, however often this was interrupted.
  await rename(unfinished, folder).catch(async (error: unknown) => {
    // Another file of tests was at it, too, and has finished first.
    if (!existsSync(folder)) throw error;
    await rm(unfinished, { recursive: true, force: true });
  });
  return folder;
}
