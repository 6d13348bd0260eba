// Files as people upload them, made by hand: PDF and Word, whole, broken and hostile.
import { deflateRawSync } from 'node:zlib';
import JSZip from 'jszip';

export interface PdfOptions {
  /** What each page's content stream is; default: the text shown in Helvetica. */
  readonly streams?: readonly string[];
  /** Further entries of the trailer, such as `/Encrypt 6 0 R`. */
  readonly trailer?: string;
  /** Further objects, numbered after all others. */
  readonly objects?: readonly string[];
}

/** A PDF with a page for each text; lines by newlines. */
export function samplePdf(
  pages: readonly string[],
  { streams, trailer = '', objects = [] }: PdfOptions = {},
): Buffer {
  const contents = streams ?? pages.map(showText);
  const kids = contents.map((_, index) => `${4 + 2 * index} 0 R`);
  const all = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...contents.flatMap((stream, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents ${5 + 2 * index} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    ]),
    ...objects,
  ];
  let text = '%PDF-1.4\n';
  const offsets = all.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const end = `trailer\n<< /Size ${all.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(`${text}xref\n0 ${all.length + 1}\n0000000000 65535 f \n${table}${end}`, 'latin1');
}

function showText(text: string): string {
  const lines = text.split('\n').map(line => `(${line.replaceAll(/[()\\]/g, '\\$&')}) Tj 0 -20 Td`);
  return `BT /F1 12 Tf 20 700 Td ${lines.join(' ')} ET`;
}

/** It asks for a password that nobody knows. */
export function encryptedPdf(): Buffer {
  const secret = 'A'.repeat(32);
  const encrypt = `<< /Filter /Standard /V 1 /R 2 /O (${secret}) /U (${secret}) /P -4 >>`;
  return samplePdf(['Secret.'], {
    objects: [encrypt],
    trailer: '/Encrypt 6 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]',
  });
}

const CONTENT_TYPES =
  '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>';
const RELATIONS =
  '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>';

/** A Word document with a paragraph for each text, and further parts by their names. */
export async function sampleDocx(
  paragraphs: readonly string[],
  parts: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const body = paragraphs.map(text => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`).join('');
  return sampleZip({
    '[Content_Types].xml': CONTENT_TYPES,
    '_rels/.rels': RELATIONS,
    'word/document.xml': `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
    ...parts,
  });
}

export async function sampleZip(parts: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new JSZip();
  for (const [name, text] of Object.entries(parts)) zip.file(name, text);
  return zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE' });
}

/** A zip of one entry that says it is 10 bytes, and is as long as it likes. */
export function lyingZip(name: string, bytes: number): Buffer {
  const packed = deflateRawSync(Buffer.alloc(bytes));
  const nameBytes = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(10, 18);
  common.writeUInt16LE(nameBytes.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, nameBytes, packed]);
  const central = Buffer.alloc(46);
  central.write('PK\x01\x02', 'latin1');
  common.copy(central, 6);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + nameBytes.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, nameBytes, end]);
}
