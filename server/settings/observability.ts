// What the gateway tells of itself: metrics and traces.
import type { Setting } from './setting.js';

export const observabilitySettings = {} as const satisfies Record<string, Setting>;
