// Which names mean the model that is served. Knows no dialect; the embedder has names of its own.
import { AppError } from '../errors.js';

/** Ollama's clients put it behind every name without a tag. */
const DEFAULT_TAG = ':latest';
const ANY = '*';

export interface ServedModels {
  /** Id of the model that answers, also while it loads. */
  current(): string;
  isServed(name: string): boolean;
  /** A request that names no model means the one there is. @throws AppError model_not_found */
  requireServed(name: string | undefined): void;
}

/** @param aliases further names; `*` accepts every name. */
export function createServedModels(current: () => string, aliases: readonly string[]): ServedModels {
  const isAnyServed = aliases.includes(ANY);
  const plain = (name: string): string =>
    (name.endsWith(DEFAULT_TAG) ? name.slice(0, -DEFAULT_TAG.length) : name).toLowerCase();
  const known = new Set(aliases.map(plain));
  const isServed = (name: string): boolean =>
    isAnyServed || plain(name) === plain(current()) || known.has(plain(name));
  return {
    current,
    isServed,
    requireServed: name => {
      if (name === undefined || isServed(name)) return;
      throw new AppError(
        'model_not_found',
        `model "${name}" not found; this serves "${current()}". MINIVAULT_MODEL_ALIASES lets it answer to other names.`,
        { param: 'model' },
      );
    },
  };
}
