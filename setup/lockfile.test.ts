// What is installed is exactly what was tested: pinned versions, and a lock file that fits any registry.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
const EXACT_REQUIREMENT = /^[A-Za-z0-9._-]+(?:\[[\w,-]+\])?==\d[\w.]*(?:\s*;\s*\S.*)?$/;
const INCLUDED_FILE = /^-[rc] requirements-[a-z]+\.txt$/;
const REQUIREMENTS = readdirSync(ROOT).filter(name => /^requirements.*\.txt$/.test(name));

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } =
  JSON.parse(read('package.json'));
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'));

describe('package-lock.json', () => {
  it('names no host', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"|registry/);
  });

  it('holds the version that package.json asks for, with its hash', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version, name).toMatch(EXACT_VERSION);
      expect(lock.packages[`node_modules/${name}`], name).toMatchObject({
        version,
        integrity: expect.stringMatching(/^sha512-/),
      });
    }
  });

  it('holds the builds for every platform, not only for the one it was made on', () => {
    const missing = Object.entries(lock.packages).flatMap(([owner, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        name =>
          !(`${owner}/node_modules/${name}` in lock.packages) && !(`node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});

describe.each(REQUIREMENTS)('%s', file => {
  const lines = read(file)
    .split('\n')
    .map(line => line.replace(/\s*#.*$/, '').trim())
    .filter(line => line !== '');

  it('pins every package exactly', () => {
    expect(lines.filter(line => !EXACT_REQUIREMENT.test(line) && !INCLUDED_FILE.test(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  });

  it('leaves the index to the configuration of pip', () => {
    expect(read(file)).not.toMatch(/https?:|--(?:extra-)?index-url|--find-links/);
  });
});

it('torch is the version that everything else was tested with', () => {
  expect(read('requirements.txt')).toMatch(/^torch==2\.13\.0$/m);
});
