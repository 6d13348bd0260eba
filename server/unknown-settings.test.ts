import { describe, expect, it } from 'vitest';
import { unknownSettings } from './unknown-settings.js';

describe('unknownSettings', () => {
  it('names the nearest setting', () => {
    expect(unknownSettings({ MINIVAULT_MODLE: 'x', PORT: '1', OTHER: 'y' })).toEqual([
      'MINIVAULT_MODLE is not a setting; did you mean MINIVAULT_MODEL?',
    ]);
  });
});
