// The server as it was built, without looking whether it is current: for images, which nothing changes any more.
import { fileURLToPath } from 'node:url';

// Where it was started from may be gone, and libraries that ask for it would end the process.
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { main } = await import(new URL('../dist/main.js', import.meta.url).href);
await main();
