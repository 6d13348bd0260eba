// Reads the text out of one file: the file comes on stdin, a line of JSON goes out. A process of its own, because what it
// reads is hostile until proven otherwise; file-text.ts bounds its time and memory. JavaScript, so that it runs as it
// lies here beside TypeScript's sources too. Touches no file and no network.
import { buffer } from 'node:stream/consumers';

/** @typedef {'pdf' | 'docx' | 'html'} FileKind */
/** @typedef {{text: string} | {fault: string} | {tooLong: true}} ChildAnswer */

/** Of a .docx when it is unpacked: a zip may hold a thousand times its own size. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
const MAX_ZIP_ENTRIES = 5_000;
const MAX_HTML_DEPTH = 200;

const [kind, maxCharactersText] = process.argv.slice(2);
const maxCharacters = Number(maxCharactersText);

/** @param {Buffer} bytes @returns {Promise<ChildAnswer>} */
async function readPdf(bytes) {
  const { getDocumentProxy } = await import('unpdf');
  const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0, useSystemFonts: false });
  let text = '';
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    const pageText = items.map(textOf).join('');
    text += pageText.trim() === '' ? '' : `${pageText.trimEnd()}\n\n`;
    if (text.length > maxCharacters) return { tooLong: true };
    page.cleanup();
  }
  if (text.trim() === '') {
    return { fault: 'has no text: its pages may be scanned images, which are not read' };
  }
  return { text: text.trimEnd() };
}

/** @param {{str?: string, hasEOL?: boolean}} item a piece of a line; marks have none */
function textOf({ str = '', hasEOL = false }) {
  return hasEOL ? `${str}\n` : str;
}

/** @param {Buffer} bytes @returns {Promise<ChildAnswer>} */
async function readDocx(bytes) {
  const names = await measureZip(bytes);
  if (!names.includes('word/document.xml')) return { fault: 'is a zip archive, but no Word document' };
  const { default: mammoth } = await import('mammoth');
  const { value } = await mammoth.extractRawText({ buffer: bytes });
  return { text: value.trimEnd() };
}

/**
 * Unpacks all that is in a zip, keeping nothing of it: what an entry says of its size is checked by what comes out.
 * @param {Buffer} bytes
 * @returns {Promise<string[]>} names of the entries
 */
async function measureZip(bytes) {
  const { default: yauzl } = await import('yauzl');
  const zip = await yauzl.fromBufferPromise(bytes, { lazyEntries: true, validateEntrySizes: true });
  /** @type {string[]} */
  const names = [];
  let unpacked = 0;
  for await (const entry of zip.eachEntry()) {
    names.push(entry.fileName);
    if (names.length > MAX_ZIP_ENTRIES) throw new Fault('has too many parts');
    if (entry.isEncrypted()) throw new Fault('is encrypted');
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      unpacked += chunk.length;
      if (unpacked > MAX_UNPACKED_BYTES) throw new Fault(`is over ${MAX_UNPACKED_BYTES} bytes when unpacked`);
    }
  }
  return names;
}

/** @param {Buffer} bytes @returns {Promise<ChildAnswer>} */
async function readHtml(bytes) {
  const { convert } = await import('html-to-text');
  const skipped = ['script', 'style', 'noscript', 'template', 'img', 'svg', 'nav'];
  const text = convert(bytes.toString('utf8'), {
    wordwrap: false,
    limits: { maxDepth: MAX_HTML_DEPTH, maxInputLength: bytes.length },
    selectors: [
      ...skipped.map(selector => ({ selector, format: 'skip' })),
      { selector: 'a', options: { ignoreHref: true } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(selector => ({ selector, options: { uppercase: false } })),
      { selector: 'table', options: { uppercaseHeaderCells: false } },
    ],
  });
  return { text };
}

/** What is wrong with the file, for its owner. */
class Fault extends Error {}

/** @param {unknown} error @returns {ChildAnswer} */
function toFault(error) {
  if (error instanceof Fault) return { fault: error.message };
  const { name, message } = /** @type {Error} */ (error);
  if (name === 'PasswordException') return { fault: 'is encrypted: it asks for a password' };
  const short = String(message).replaceAll(/\s+/g, ' ').slice(0, 200);
  return { fault: `is broken (${short})` };
}

const READERS = { pdf: readPdf, docx: readDocx, html: readHtml };

// Parsers warn on the console, and stdout is the answer's.
console.log = console.warn = console.info = () => {};
const read = READERS[/** @type {FileKind} */ (kind)];
/** @type {ChildAnswer} */
const answer = await buffer(process.stdin).then(read).catch(toFault);
process.stdout.write(`${JSON.stringify(answer)}\n`);
