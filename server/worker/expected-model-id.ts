// The id that the worker will give its model, known before it has loaded: clients ask for it by name meanwhile.
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * As python/models.py names it: a folder and a GGUF file by their own names, anything else by the reference.
 * @param reference MINIVAULT_MODEL; @param engine the fake one has a model of its own
 */
export function expectedModelId(reference: string, engine: string, cwd: string): string {
  if (engine === 'fake') return 'fake';
  const place = path.resolve(cwd, reference.replace(/^~(?=\/|$)/, homedir));
  const { ext, name, base } = path.parse(place);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found?.isDirectory()) return base;
  return found?.isFile() && ext.toLowerCase() === '.gguf' ? name : reference;
}
