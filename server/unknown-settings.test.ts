import { describe, expect, it } from 'vitest';
import { unknownSettings } from './unknown-settings.js';

describe('unknownSettings', () => {
  it('names the nearest setting', () => {
    expect(unknownSettings({ MINIVAULT_MODLE: 'x', PORT: '1', OTHER: 'y' })).toEqual([
      'MINIVAULT_MODLE is not a setting; did you mean MINIVAULT_MODEL?',
    ]);
  });

  it('names a slip in RATE_LIMIT_…, and leaves what other programs have there', () => {
    expect(
      unknownSettings({ RATE_LIMIT_REQUEST: '5', RATE_LIMIT_REQUESTS: '5', RATE_LIMIT_STORE: 'x' }),
    ).toEqual(['RATE_LIMIT_REQUEST is not a setting; did you mean RATE_LIMIT_REQUESTS?']);
  });
});
