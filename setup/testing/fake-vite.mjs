// Stands for Vite in the tests of set-up: notes its call and leaves a page behind.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';

const [, , ...words] = process.argv;
appendFileSync('calls.log', `vite ${words.join(' ')}\n`);
const folder = words[words.indexOf('--outDir') + 1] ?? '';
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/index.html`, '');
