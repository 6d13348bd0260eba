// What a person sees while a step runs: on a terminal and where there is none.
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showStep } from './progress.mjs';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) > 0 };
}

it('rewrites one line on a terminal, cut to its width, and clears it in the end', () => {
  const terminal = screen(true);
  const step = showStep('Python packages', terminal);
  step.stage('\x1b[2mDownloading torch-2.13.0-cp311-manylinux_2_28_x86_64.whl\x1b[0m\t(190 MB)');
  vi.advanceTimersByTime(2_100);
  const shown = stripVTControlCharacters(terminal.written.at(-1) ?? '');
  expect(shown).toMatch(/^\r. Python packages {2}2 s {2}Downloading tor$/u);
  expect(shown).toHaveLength(40);
  expect(terminal.written.every(text => text.startsWith('\r') && !text.includes('\n'))).toBe(true);
  step.done('Python 3.11');
  expect(terminal.written.slice(-2)).toEqual([
    '\r\x1b[K',
    'set-up: Python packages: done in 2.1 s (Python 3.11)\n',
  ]);
});

it('writes plain lines elsewhere: the name, a sign of life now and then, the end', () => {
  const pipe = screen(false);
  const step = showStep('Model', pipe);
  step.stage('converting 25 %');
  vi.advanceTimersByTime(31_000);
  expect(step.done('')).toBeCloseTo(31);
  vi.advanceTimersByTime(60_000);
  expect(pipe.written).toEqual([
    'set-up: Model …\n',
    'set-up: Model: 15 s: converting 25 %\n',
    'set-up: Model: 30 s: converting 25 %\n',
    'set-up: Model: done in 31.0 s\n',
  ]);
});
