import { expect, it } from 'vitest';
import { lastWords, permanentFault } from './exit-report.js';

const command = { file: 'python', remedy: 'Install it.' };

it('repeats the last line of stderr', () => {
  expect(lastWords(['first', 'Illegal instruction'])).toBe('Illegal instruction');
  expect(lastWords([])).toBeUndefined();
});

it('shows the error and no traceback of a fault that Python told as JSON', () => {
  const told = JSON.stringify({
    event: 'worker_crashed',
    error: "TypeError('no')",
    traceback: 'File "/secret"',
  });
  expect(lastWords([told])).toBe("TypeError('no')");
  expect(permanentFault({ code: 78, signal: null, spawnError: null }, [told], command)).toBe(
    "The worker refused to start: TypeError('no'). Install it.",
  );
});

it('keeps a line that only looks like JSON as it is', () => {
  for (const line of ['{', '{"a":1}', 'null', '7']) expect(lastWords([line])).toBe(line);
});
