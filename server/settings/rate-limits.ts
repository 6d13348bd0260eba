// How much one caller may ask for.
import type { Setting } from './setting.js';

export const rateLimitSettings = {} as const satisfies Record<string, Setting>;
