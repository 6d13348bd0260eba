import { describe, expect, it } from 'vitest';
import { Progress } from './progress.js';

function watch(isTTY: boolean) {
  const written: string[] = [];
  const screen = { isTTY, write: (text: string) => written.push(text) > 0 };
  return { progress: new Progress('reindex', screen), written };
}

describe('the progress of a command', () => {
  it('is a bar on a terminal, which goes when all is done', () => {
    const { progress, written } = watch(true);
    progress.show(0.5, '12 exchanges');
    progress.end();
    expect(written).toEqual([
      `\r\x1b[K${'█'.repeat(15)}${'░'.repeat(15)}  reindex   50 %  12 exchanges`,
      '\r\x1b[K',
    ]);
  });

  it('is a plain line elsewhere, and not one for every step', () => {
    const { progress, written } = watch(false);
    for (let i = 0; i < 100; i++) progress.show(i / 100, `${i}`);
    progress.end();
    expect(written).toEqual(['reindex    0 %  0\n']);
  });

  it('stays within its bounds, also of nothing', () => {
    for (const share of [Number.NaN, -1, 2]) {
      const { progress, written } = watch(true);
      progress.show(share, '');
      expect(written[0]?.replaceAll(/[^█░]/g, '')).toHaveLength(30);
    }
  });
});
