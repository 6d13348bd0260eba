// The built gateway as a program of its own, without what set-up does before it.
const { main } = await import(new URL('../dist/main.js', import.meta.url).href);
await main();
