// A command beside the server as it was built, without looking whether it is current: for images, which nothing changes
// any more. `node setup/command.mjs keys list`.
const [name = '', ...args] = process.argv.slice(2);
const NAMES = ['keys', 'migrate', 'reembed', 'reindex', 'verify'];
if (NAMES.includes(name)) {
  const { main } = await import(new URL(`../dist/commands/${name}.js`, import.meta.url).href);
  await main(args);
} else {
  process.stderr.write(`Usage: node setup/command.mjs ${NAMES.join('|')} [--help]\n`);
  process.exitCode = 78;
}
