// How the page is built: one entry, its parts split where a view is opened, everything compressed once beforehand.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const GATEWAY = process.env.MINIVAULT_URL ?? 'http://127.0.0.1:3000';

/** Beside each file that is worth it a `.br` and a `.gz`, which the gateway sends to who takes them. */
function compressed(): Plugin {
  let folder = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: ({ root, build }) => {
      folder = path.resolve(root, build.outDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(?:js|css|html|svg)$/.test(name)) continue;
        const file = path.join(folder, name);
        const bytes = readFileSync(file);
        writeFileSync(`${file}.br`, brotliCompressSync(bytes));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [compressed()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // A data: address is no file of ours, and the page's policy lets none in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // `npm run dev:web` beside a gateway: the page is Vite's, everything else the gateway's.
    proxy: Object.fromEntries(
      ['/v1', '/chats', '/history', '/search', '/api', '/health', '/metrics', '/admin'].map(prefix => [
        prefix,
        { target: GATEWAY, headers: { origin: GATEWAY, host: new URL(GATEWAY).host } },
      ]),
    ),
  },
});
