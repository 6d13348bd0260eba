// For tests and demonstrations.
import { z } from 'zod';
import type { Setting } from './setting.js';

export const testingSettings = {
  MINIVAULT_FAKE_PLAN: {
    schema: z.string(),
    fallback: null,
    about: 'JSON of the fake engine: its pace and the faults it plays (tests and demonstrations).',
  },
} as const satisfies Record<string, Setting>;
