// The server as it was built, without looking whether it is current: for images, which nothing changes any more.
const { main } = await import(new URL('../dist/main.js', import.meta.url).href);
await main();
