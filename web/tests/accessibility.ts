// What axe-core finds in a view as it stands: nothing, in light and dark, wide and narrow.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const AXE = readFileSync(
  path.resolve(import.meta.dirname, '..', '..', 'node_modules', 'axe-core', 'axe.min.js'),
  'utf8',
);
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };

/** Every rule that axe has, in each theme and width, and that nothing is wider than the screen; the page is left as it was. */
export async function expectAccessible(page: Page): Promise<void> {
  const before = page.viewportSize() ?? WIDE;
  const found: string[] = [];
  for (const [name, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      found.push(...(await violationsOf(page)).map(violation => `${name}, ${colorScheme}: ${violation}`));
    }
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > size.width) found.push(`${name}: the page is ${width} px wide on a screen of ${size.width}`);
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
  expect(found).toEqual([]);
}

async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger, which the page's policy does not concern.
  await page.evaluate(`${AXE};0`);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id} (${help}): ${html}\n${failureSummary ?? ''}`),
  );
}
