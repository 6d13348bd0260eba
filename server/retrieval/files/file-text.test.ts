import { describe, expect, it } from 'vitest';
import { encryptedPdf, lyingZip, sampleDocx, samplePdf, sampleZip } from '../../testing/sample-files.js';
import { readFileText } from './file-text.js';

const LIMITS = { timeoutMs: 20_000, maxCharacters: 100_000 };
const stays = new AbortController().signal;
const read = (filename: string, bytes: Buffer | string, limits = {}) =>
  readFileText({ filename, bytes: Buffer.from(bytes) }, { ...LIMITS, ...limits }, stays);
const content = async (filename: string, bytes: Buffer | string) => (await read(filename, bytes)).content;

describe('the text of a file', () => {
  it('is that of a PDF, page by page and line by line', async () => {
    const pdf = samplePdf(['The ferry sails.\nAt dawn (5:30).', 'Second page.']);
    expect(await read('a.pdf', pdf)).toEqual({
      mediaType: 'application/pdf',
      content: 'The ferry sails.\nAt dawn (5:30).\n\nSecond page.',
    });
  });

  it('is that of a Word document, paragraph by paragraph', async () => {
    const docx = await sampleDocx(['The ferry sails.', 'At d\u00e4wn &amp; later.']);
    expect((await read('a.docx', docx)).content).toBe('The ferry sails.\n\nAt däwn & later.');
  });

  it('is what a reader of the page sees', async () => {
    const html =
      '<!doctype html><html><head><title>No</title><style>p{}</style></head><body><script>alert(1)</script>' +
      '<h1>Ferries</h1><p>They <b>sail</b> at <a href="http://x">dawn</a>.</p><ul><li>One</li></ul>&eacute;</body>';
    const text = await content('a.html', html);
    expect(text).toContain('Ferries');
    expect(text).toContain('They sail at dawn.');
    expect(text).toContain('é');
    expect(text).not.toMatch(/alert|p\{\}|http|</);
  });

  it.each(['a.txt', 'a.md', 'A.MARKDOWN'])('is %s itself', async name => {
    expect(await content(name, '# Größe 😀\r\n')).toBe('# Größe 😀\r\n');
    expect(await content(name, Buffer.from('\ufeffText', 'utf8'))).toBe('Text');
    expect(await content(name, Buffer.from('\ufeffText', 'utf16le'))).toBe('Text');
  });

  it('is found by what the file is, whatever its name says', async () => {
    expect(await content('notes.txt', samplePdf(['A PDF.']))).toBe('A PDF.');
    expect(await content('page.html', await sampleDocx(['A letter.']))).toBe('A letter.');
    expect(await content('no-name', samplePdf(['A PDF.']))).toBe('A PDF.');
  });

  it.each<[string, string, Buffer | string | Promise<Buffer>, string, RegExp]>([
    ['an empty file', 'a.txt', '', 'unreadable_document', /is empty/],
    ['a blank one', 'a.md', ' \n\t', 'unreadable_document', /has no text/],
    ['a page without text', 'a.html', '<p> </p>', 'unreadable_document', /has no text/],
    [
      'a PDF of pictures',
      'a.pdf',
      samplePdf([], { streams: ['0 0 10 10 re f'] }),
      'unreadable_document',
      /scanned/,
    ],
    ['a PDF without pages', 'a.pdf', samplePdf([]), 'unreadable_document', /has no text|is broken/],
    [
      'an encrypted PDF',
      'a.pdf',
      encryptedPdf(),
      'unreadable_document',
      /is encrypted: it asks for a password/,
    ],
    ['half a PDF', 'a.pdf', samplePdf(['x']).subarray(0, 120), 'unreadable_document', /is broken/],
    ['a PDF by name only', 'a.pdf', 'Hello', 'unreadable_document', /first bytes/],
    ['the head of a PDF', 'a.pdf', '%PDF-1.7', 'unreadable_document', /is broken/],
    [
      'noise after the head',
      'a.pdf',
      Buffer.concat([Buffer.from('%PDF-'), Buffer.alloc(5_000, 0xa5)]),
      'unreadable_document',
      /is broken/,
    ],
    ['a Word document by name only', 'a.docx', 'Hello', 'unreadable_document', /first bytes/],
    ['another zip', 'a.docx', sampleZip({ 'x.txt': 'x' }), 'unreadable_document', /no Word document/],
    [
      'half a zip',
      'a.docx',
      sampleDocx(['x']).then(zip => zip.subarray(0, 200)),
      'unreadable_document',
      /is broken/,
    ],
    [
      'a Word document of broken XML',
      'a.docx',
      sampleDocx([], { 'word/document.xml': '<w:document' }),
      'unreadable_document',
      /is broken|has no text/,
    ],
    [
      'an old Word document',
      'a.doc',
      Buffer.from('d0cf11e0a1b11ae1', 'hex'),
      'unreadable_document',
      /encrypted, or of a Word before/,
    ],
    ['an unknown kind', 'a.exe', 'MZ', 'unsupported_media_type', /of no known kind/],
    ['no extension', 'README', 'text', 'unsupported_media_type', /of no known kind/],
    ['text in Latin-1', 'a.txt', Buffer.from('Größe', 'latin1'), 'invalid_unicode', /UTF-8/],
    ['text with a NUL', 'a.txt', 'a\0b', 'invalid_unicode', /NUL/],
    ['a page in Latin-1', 'a.html', Buffer.from('<p>Größe', 'latin1'), 'invalid_unicode', /UTF-8/],
  ])('cannot be had of %s, which is said of the file by its name', async (_, name, bytes, code, message) => {
    await expect(read(name, await bytes)).rejects.toMatchObject({
      code,
      param: name,
      message: expect.stringMatching(message),
    });
  });

  it('is not read further than a document may be long', async () => {
    const page = Array(30).fill('A line of fifty characters, more or less of them.').join('\n');
    await expect(
      read('a.pdf', samplePdf([page, page, page]), { maxCharacters: 3_000 }),
    ).rejects.toMatchObject({ code: 'document_too_large', param: 'a.pdf' });
  });
});

describe('a hostile file', () => {
  const started = process.memoryUsage().rss;

  it.each<[string, string, () => Buffer | string | Promise<Buffer>]>([
    [
      'a zip of a thousand times its size',
      'a.docx',
      () => sampleDocx(['x'], { 'word/x.bin': '\0'.repeat(70_000_000) }),
    ],
    ['a zip that lies about its size', 'a.docx', () => lyingZip('word/document.xml', 100_000_000)],
    ['a page nested a million deep', 'a.html', () => '<div>'.repeat(300_000)],
    [
      'a PDF with a billion pages',
      'a.pdf',
      () =>
        Buffer.from(samplePdf(['x']).toString('latin1').replace('/Count 1', '/Count 999999999'), 'latin1'),
    ],
    [
      'a PDF whose pages are their own parent',
      'a.pdf',
      () =>
        Buffer.from(samplePdf(['x']).toString('latin1').replace('/Kids [4 0 R]', '/Kids [2 0 R]'), 'latin1'),
    ],
    ['a billion laughs', 'a.docx', () => sampleDocx([], { 'word/document.xml': LAUGHS })],
  ])('such as %s costs neither the gateway nor its memory anything', async (_, name, make) => {
    const outcome = await read(name, await make(), { timeoutMs: 8_000 }).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'unreadable_document', param: name });
    expect(process.memoryUsage().rss - started).toBeLessThan(900e6);
  });

  it('that takes for ever is given up', async () => {
    const slow = samplePdf([], { streams: [`BT /F1 12 Tf ${'(x) Tj 0 -1 Td '.repeat(300_000)} ET`] });
    const startMs = performance.now();
    await expect(read('slow.pdf', slow, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'unreadable_document',
      message: expect.stringContaining('takes longer than 300 ms'),
    });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it('is left when its client leaves', async () => {
    const slow = samplePdf([], { streams: [`BT /F1 12 Tf ${'(x) Tj 0 -1 Td '.repeat(300_000)} ET`] });
    const client = new AbortController();
    setTimeout(() => client.abort(), 100);
    await expect(
      readFileText({ filename: 'slow.pdf', bytes: slow }, LIMITS, client.signal),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });
});

const LAUGHS = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "${'ha'.repeat(50)}">${Array.from(
  { length: 9 },
  (_, index) => `<!ENTITY ${'bcdefghij'[index]} "${`&${'abcdefghij'[index]};`.repeat(10)}">`,
).join(
  '',
)}]><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>`;
