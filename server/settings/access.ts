// Who may ask: keys, and tokens of other issuers.
import type { Setting } from './setting.js';

export const accessSettings = {} as const satisfies Record<string, Setting>;
