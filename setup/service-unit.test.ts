// deploy/minivault.service, held against what it runs; systemd itself looks at it where there is one.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig, SETTINGS } from '../server/config.js';
import { tempFolder } from '../server/testing/temp-folder.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const HOME = '/opt/minivault';
const unit = readFileSync(path.join(ROOT, 'deploy/minivault.service'), 'utf8');
const entries = [...unit.matchAll(/^(\w+)=(.*)$/gm)].map(
  ([, name = '', value = '']) => [name, value] as const,
);
const valuesOf = (name: string): string[] =>
  entries.filter(([each]) => each === name).map(([, value]) => value);
const firstOf = (name: string): string => valuesOf(name)[0] ?? '';
const config = readConfig({});

describe('the service', () => {
  it('runs what is there, from where it is', () => {
    expect(firstOf('WorkingDirectory')).toBe(HOME);
    const [program, node, script = ''] = firstOf('ExecStart').split(' ');
    expect([program, node]).toEqual(['/usr/bin/env', 'node']);
    expect(existsSync(path.join(ROOT, script))).toBe(true);
  });

  it('gives settings that there are, and reads the rest from a file that may be missing', () => {
    const given = valuesOf('Environment').flatMap(line => line.split(' ').map(pair => pair.split('=')));
    const settings = given.filter(([name]) => name !== 'NODE_ENV');
    expect(settings.filter(([name = '']) => !Object.hasOwn(SETTINGS, name))).toEqual([]);
    expect(() => readConfig(Object.fromEntries(settings) as Record<string, string>)).not.toThrow();
    expect(firstOf('EnvironmentFile')).toMatch(/^-\//);
  });

  it('lets running answers end before it kills, and asks the gateway alone', () => {
    const stopMs = Number(firstOf('TimeoutStopSec')) * 1000;
    const { MINIVAULT_DRAIN_TIMEOUT_MS: drainMs, MINIVAULT_WORKER_STOP_TIMEOUT_MS: workerMs } = config;
    expect(stopMs).toBeGreaterThan(drainMs + 2 * workerMs);
    expect(firstOf('KillMode')).toBe('mixed');
    expect(firstOf('ExecReload')).toMatch(/-HUP \$MAINPID$/);
  });

  it('is started again after a crash, and not where that cannot help', () => {
    expect(firstOf('Restart')).toBe('on-failure');
    expect(firstOf('RestartPreventExitStatus')).toBe('78');
    expect(firstOf('OOMPolicy')).toBe('continue');
  });

  it('may write where the gateway does, and nowhere else', () => {
    const writable = firstOf('ReadWritePaths')
      .split(' ')
      .map(folder => folder.replace(HOME, ROOT));
    expect(writable).toEqual([config.MINIVAULT_DATA_DIR, path.dirname(config.MINIVAULT_LOG_FILE)]);
    expect(firstOf('ProtectSystem')).toBe('strict');
    expect(firstOf('UMask')).toBe('0077');
    // V8 writes code into memory that it then runs; and locks name their holders by /proc.
    expect(entries.map(([name]) => name)).not.toContain('MemoryDenyWriteExecute');
    expect(entries.map(([name]) => name)).not.toContain('ProtectProc');
  });

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.runIf(hasSystemd)('is a unit that systemd takes, and one that it calls well confined', async () => {
    const file = path.join(await tempFolder(), 'minivault.service');
    // There is no such folder and no such user here.
    writeFileSync(file, unit.replaceAll(HOME, ROOT).replaceAll(/^(User|Group)=.*$/gm, '$1=root'));
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect({ status: verified.status, stderr: verified.stderr }).toEqual({ status: 0, stderr: '' });
    writeFileSync(file, unit.replace('KillMode=mixed', 'KillMood=mixed'));
    const wrong = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(wrong.stderr).toContain('KillMood');
    writeFileSync(file, unit);
    const confined = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=30', file], {
      encoding: 'utf8',
    });
    expect({ status: confined.status, error: confined.stderr }).toEqual({ status: 0, error: '' });
  });
});
