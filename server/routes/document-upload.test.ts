import { createConnection } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addAnswerSchema, listAnswerSchema } from '../dialects/documents.js';
import { encryptedPdf, sampleDocx, samplePdf } from '../testing/sample-files.js';
import { type StartedApp, startApp } from '../testing/start-app.js';

const UPLOAD = '/api/v1/documents/upload';
const MAX_BYTES = 200_000;

describe('uploaded files', () => {
  let app: StartedApp;
  beforeAll(async () => {
    app = await startApp({ vault: true, env: { MINIVAULT_DOCUMENTS_MAX_BYTES: String(MAX_BYTES) } });
    await app.ready();
  });
  afterAll(() => app.close());
  beforeEach(() => app.parts.vault.database.run(db => db.deleteFrom('documents').execute()));

  const upload = (files: Readonly<Record<string, Buffer | string>>, field = 'files') =>
    Object.entries(files).reduce(
      (form, [name, bytes]) => form.attach(field, Buffer.from(bytes), name),
      request(app.url).post(UPLOAD),
    );
  const total = async () =>
    listAnswerSchema.parse((await request(app.url).get('/api/v1/documents').expect(200)).body).total;

  it('of every kind are kept at once, by what they are, with their names and metadata', async () => {
    const files = {
      'a.txt': 'Plain text.',
      'b.md': '# Heading\n\nMarkdown.',
      'c.html': '<p>A page.</p>',
      'd.pdf': samplePdf(['Portable text.']),
      'e.docx': await sampleDocx(['Text of Word.']),
    };
    const metadatas = JSON.stringify(Object.keys(files).map(name => ({ name })));
    const { body } = await upload(files).field('metadatas', metadatas).expect(200);
    const { ids, documents } = addAnswerSchema.parse(body);
    expect(documents.map(({ filename, status }) => [filename, status])).toEqual(
      Object.keys(files).map(name => [name, 'added']),
    );
    const kept = await Promise.all(
      ids.map(async id => (await request(app.url).get(`/api/v1/documents/${id}`)).body),
    );
    expect(kept.map(({ content, media_type, metadata }) => [content, media_type, metadata.name])).toEqual([
      ['Plain text.', 'text/plain', 'a.txt'],
      ['# Heading\n\nMarkdown.', 'text/markdown', 'b.md'],
      ['A page.', 'text/html', 'c.html'],
      ['Portable text.', 'application/pdf', 'd.pdf'],
      ['Text of Word.', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'e.docx'],
    ]);
    const again = addAnswerSchema.parse((await upload({ 'other.txt': 'Portable text.' }).expect(200)).body);
    expect(again.documents).toMatchObject([{ id: ids[3], status: 'duplicate' }]);
  });

  it.each([
    ['../../etc/passwd.txt', 'passwd.txt'],
    ['C:\\Users\\me\\notes.txt', 'notes.txt'],
    ['größe 😀.txt', 'größe 😀.txt'],
    [`${'x'.repeat(400)}.txt`, null],
  ])('named %s touch no folder', async (name, kept) => {
    const response = await upload({ [name]: 'Text.' });
    if (kept === null) expect([200, 415]).toContain(response.status);
    else expect(response.body.documents[0].filename).toBe(kept);
  });

  it.each<[string, Readonly<Record<string, Buffer | string>>, number, string, string]>([
    ['a broken PDF', { 'bad.pdf': '%PDF-1.7 no' }, 422, 'unreadable_document', 'bad.pdf'],
    ['an encrypted PDF', { 'secret.pdf': encryptedPdf() }, 422, 'unreadable_document', 'secret.pdf'],
    ['an empty file', { 'empty.txt': '' }, 422, 'unreadable_document', 'empty.txt'],
    [
      'bytes that are no text',
      { 'latin.txt': Buffer.from('Größe', 'latin1') },
      400,
      'invalid_unicode',
      'latin.txt',
    ],
    ['an unknown kind', { 'tool.exe': 'MZ' }, 415, 'unsupported_media_type', 'tool.exe'],
  ])('among which is %s are refused, all of them', async (_, files, status, code, param) => {
    const { body } = await upload({ 'good.txt': 'Good text.', ...files }).expect(status);
    expect([body.code, body.param]).toEqual([code, param]);
    expect(await total()).toBe(0);
  });

  it('that are too large, too many or none are refused', async () => {
    const large = await upload({ 'a.txt': 'x'.repeat(MAX_BYTES) }).expect(413);
    expect(large.body.code).toBe('body_too_large');
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`${index}.txt`, `${index}`]));
    expect((await upload(many).expect(400)).body.error).toMatch(/At most 50 files/);
    expect((await request(app.url).post(UPLOAD).field('metadatas', '[]').expect(400)).body.param).toBe(
      'files',
    );
    expect((await upload({ 'a.txt': 'x' }, 'document').expect(400)).body.param).toBe('document');
    expect(await total()).toBe(0);
  });

  it.each([
    ['[{}, {}]', 400, 'invalid_request'],
    ['{}', 400, 'invalid_request'],
    ['["x"]', 400, 'invalid_request'],
    ['[', 400, 'invalid_json'],
    [`${'['.repeat(40)}${']'.repeat(40)}`, 400, 'invalid_json'],
    ['[{"a":"\\u0000"}]', 400, 'invalid_unicode'],
  ])('with the metadata %s are refused', async (metadatas, status, code) => {
    const { body } = await upload({ 'a.txt': 'Text.' }).field('metadatas', metadatas).expect(status);
    expect(body.code).toBe(code);
    expect(await total()).toBe(0);
  });

  it.each<[string, string, string, number]>([
    ['no form', 'text/plain', 'hello', 415],
    ['a form without boundary', 'multipart/form-data', 'hello', 415],
    ['an empty form', 'multipart/form-data; boundary=x', '--x--\r\n', 400],
    [
      'half a form',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhal',
      400,
    ],
    ['a form of another boundary', 'multipart/form-data; boundary=x', '--y\r\n\r\n--y--\r\n', 400],
    ['nothing at all', 'multipart/form-data; boundary=x', '', 400],
  ])('in %s are refused', async (_, type, body, status) => {
    const response = await request(app.url).post(UPLOAD).set('Content-Type', type).send(body);
    expect([response.status, typeof response.body.code]).toEqual([status, 'string']);
    expect(await total()).toBe(0);
  });

  it('whose client leaves in the middle are forgotten', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = createConnection(Number(port), hostname);
    socket.write(
      `POST ${UPLOAD} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhal`,
    );
    await new Promise(resolve => setTimeout(resolve, 50));
    socket.destroy();
    await upload({ 'b.txt': 'After that.' }).expect(200);
    expect(await total()).toBe(1);
  });
});
