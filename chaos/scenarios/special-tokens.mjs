// G20: control tokens of the real model, typed by users in every way. What they become is looked at as token ids.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { NotHere } from '../run-scenarios.mjs';

export const goal = 'G20';
export const title = 'every special token of the real model, typed in messages and prompts';

const REPOSITORY = path.resolve(import.meta.dirname, '..', '..');
const PROGRAM = path.join(REPOSITORY, 'chaos', 'special_tokens.py');
const { MINIVAULT_PYTHON = '.venv/bin/python', MINIVAULT_DATA_DIR = 'data' } = process.env;
const PYTHON = path.resolve(REPOSITORY, MINIVAULT_PYTHON);
const MODEL = path.resolve(REPOSITORY, MINIVAULT_DATA_DIR, 'models', 'smollm2-135m-instruct');

/** All of it in the short form, too: no part takes longer than loading the tokenizer. */
export async function run() {
  if (!existsSync(path.join(MODEL, 'tokenizer.json')))
    throw new NotHere(`no model in ${MODEL}: npm run setup`);
  const { stdout } = await promisify(execFile)(PYTHON, [PROGRAM, MODEL], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, HF_HUB_OFFLINE: '1' },
  });
  const { tokens, tried, faults } = JSON.parse(stdout);
  return { tried, failed: faults.length, faults, figures: { 'special tokens': tokens } };
}
