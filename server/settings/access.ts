// Who may ask: keys, and tokens of other issuers.
import { file, type Setting } from './setting.js';

export const accessSettings = {
  MINIVAULT_KEYS_FILE: {
    schema: file(),
    fallback: null,
    about:
      'Where stored keys are kept, as digests; gateways may share it. Unset: `keys.json` in the data folder.',
  },
} as const satisfies Record<string, Setting>;
