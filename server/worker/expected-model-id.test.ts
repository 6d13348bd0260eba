import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.js';
import { expectedModelId } from './expected-model-id.js';

it('is the name of the folder or GGUF file, else the reference', async () => {
  const folder = await tempFolder();
  await mkdir(path.join(folder, 'my-model'));
  await writeFile(path.join(folder, 'small.Q4.gguf'), '');
  const idOf = (reference: string, engine = 'batched') => expectedModelId(reference, engine, folder);
  expect(idOf('my-model')).toBe('my-model');
  expect(idOf(path.join(folder, 'my-model/'))).toBe('my-model');
  expect(idOf('./small.Q4.gguf')).toBe('small.Q4');
  expect(idOf('absent.gguf')).toBe('absent.gguf');
  expect(idOf('org/name')).toBe('org/name');
  expect(idOf('smollm2-135m-instruct')).toBe('smollm2-135m-instruct');
  expect(idOf('my-model', 'fake')).toBe('fake');
});
