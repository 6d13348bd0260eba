// Stands for tsc in the tests of set-up, beside fake-program.sh: notes its call and leaves a server or a client behind.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';

const { FAKE_ON = 'nothing at all', FAKE_SAY = '', FAKE_CODE } = process.env;
const [, , , project = '', , outDir = ''] = process.argv;
const call = ['tsc', ...process.argv.slice(2)].join(' ');
appendFileSync('calls.log', `${call}\n`);
if (call.includes(FAKE_ON)) {
  process.stdout.write(FAKE_SAY);
  process.exit(Number(FAKE_CODE));
}
if (outDir !== '') mkdirSync(outDir, { recursive: true });
if (project === 'tsconfig.cli.json') writeFileSync(`${outDir}/cli.test.js`, '');
if (project === 'tsconfig.build.json') {
  const server = "export async function main() { console.log('serving in', process.pid); }\n";
  writeFileSync(`${outDir}/main.js`, server);
  // Makes the folder that it is given.
  const vault = `
    import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
    export const embedPostgres = folder => ({
      start: async () => {
        appendFileSync('calls.log', 'vault ' + folder + '\\n');
        mkdirSync(folder, { recursive: true });
        writeFileSync(folder + '/PG_VERSION', '18');
      },
      close: async () => {},
    });`;
  mkdirSync(`${outDir}/store`, { recursive: true });
  writeFileSync(`${outDir}/store/embedded-postgres.js`, vault);
}
