// The model, the embedder, and the worker that runs them.
import { z } from 'zod';
import { file, type Setting, whole } from './setting.js';

export const modelSettings = {
  MINIVAULT_MODEL: {
    schema: z.string().min(1, 'a folder, a GGUF file or a hub id'),
    fallback: 'smollm2-135m-instruct',
    about:
      'Model: the packaged one, a folder, a GGUF file, or a hub id (the only case that uses the network).',
  },
  EMBEDDING_MODEL: {
    schema: z.string().min(1, 'all-minilm-l6-v2 or a folder'),
    fallback: 'all-minilm-l6-v2',
    about: 'Embedder: the packaged one, or a folder with a sentence-transformers model in safetensors.',
  },
  MINIVAULT_MODEL_ALIASES: {
    schema: z
      .string()
      .regex(/^[^\s,]+(?:,[^\s,]+)*$/, 'names with commas between them, or *')
      .transform(text => text.split(',')),
    fallback: null,
    about:
      'Names, with commas between them, that clients may call the served model by, beside its own; `*` lets them use any.',
  },
  MINIVAULT_ENGINE: {
    schema: z.enum(['batched', 'streamer', 'fake'], 'batched, streamer or fake'),
    fallback: 'batched',
    about:
      'Engine of the worker; `batched` answers several prompts at once, `streamer` one after the other, `fake` echoes the prompt without a model.',
  },
  MINIVAULT_SLOTS: {
    schema: whole(1, 256),
    fallback: null,
    about: 'Prompts that `batched` answers at once; unset, it chooses by cores and free memory.',
  },
  MINIVAULT_QUANTIZATION: {
    schema: z.enum(['none', 'int8', 'auto'], 'none, int8 or auto'),
    fallback: 'auto',
    about:
      'Rounding of the weights that `batched` computes with; `auto` is int8 where that costs at most 3 % of perplexity.',
  },
  MINIVAULT_THREADS: {
    schema: whole(1, 64),
    fallback: null,
    about: 'Threads of a `batched` step in int8; unset, one a core.',
  },
  MINIVAULT_DATA_DIR: {
    schema: file(),
    fallback: 'data',
    about: 'Folder for converted models and other state.',
  },
  MINIVAULT_PYTHON: {
    schema: file(),
    fallback: process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python',
    about: 'Python that runs the worker.',
  },
  MINIVAULT_SETUP_PYTHON: {
    schema: z.string().min(1, 'a command or a path'),
    fallback: null,
    about: 'Python that set-up makes `.venv` with, when the one it finds on PATH is not the right one.',
  },
} as const satisfies Record<string, Setting>;
