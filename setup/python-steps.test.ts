import { expect, it } from 'vitest';
import { toPipStage } from './python-steps.mjs';

it.each([
  ['Collecting torch==2.13.0 (from -r requirements.txt (line 3))', 'looking for torch==2.13.0'],
  [
    '  Downloading torch-2.13.0-cp311-cp311-linux_x86_64.whl (190.1 MB)',
    'fetching torch-2.13.0-cp311-cp311-linux_x86_64.whl (190.1 MB)',
  ],
  ['  Using cached https://host/a/numpy-2.2.6.whl (16.8 MB)', 'fetching numpy-2.2.6.whl (16.8 MB)'],
  ['Installing collected packages: mpmath, typing-extensions, torch', 'installing 3 packages'],
  ['      Successfully uninstalled setuptools-65.5.0', null],
  ['Looking in indexes: https://user:secret@host/simple', null],
  ['', null],
])('%j of pip tells %j', (line, stage) => {
  expect(toPipStage(line)).toBe(stage);
});
