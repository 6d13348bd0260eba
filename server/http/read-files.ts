// A multipart/form-data body: its files and fields, bounded in size and number. Knows nothing of what they mean.
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import type { Request } from 'express';
import { AppError } from '../errors.js';
import { discardRest } from './discard-rest.js';

export interface FormFile {
  readonly field: string;
  /** Its last part only: no folder of anybody's machine. */
  readonly filename: string;
  readonly bytes: Buffer;
}

export interface Form {
  readonly files: readonly FormFile[];
  readonly fields: ReadonlyMap<string, string>;
}

export interface FormLimits {
  /** Of the whole body. */
  readonly maxBytes: number;
  readonly maxFiles: number;
}

const MAX_FIELDS = 20;
const MAX_FIELD_BYTES = 1024 * 1024;
const MAX_FILENAME_CHARACTERS = 255;
const NO_WHOLE_FORM = 'The body is no whole form.';
/** After the body's end, until the last of its files has come out of the parser. */
const MAX_SILENCE_MS = 2_000;

/**
 * @throws AppError unsupported_media_type, body_too_large before more than that is kept, invalid_request for a body that
 * is no form or has too many parts, cancelled when the client leaves.
 */
export async function readForm(req: Request, { maxBytes, maxFiles }: FormLimits): Promise<Form> {
  const type = req.get('content-type') ?? '';
  if (!/^multipart\/form-data\s*;.*boundary=/i.test(type)) {
    throw new AppError(
      'unsupported_media_type',
      `Files must be sent as multipart/form-data with a boundary, as curl -F does, not as ${type || 'no type at all'}.`,
      { param: 'Content-Type' },
    );
  }
  if ((req.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'Compressed bodies are not accepted.', {
      param: 'Content-Encoding',
    });
  }
  if (Number(req.get('content-length')) > maxBytes) throw discard(req, tooLarge(maxBytes));
  return new Promise<Form>((resolve, reject) => {
    const parser = openParser(type, maxFiles);
    const files: FormFile[] = [];
    const fields = new Map<string, string>();
    let received = 0;
    let silence: NodeJS.Timeout | undefined;
    const settle = (error?: AppError): void => {
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      parser.removeAllListeners().on('error', () => {});
      clearTimeout(silence);
      if (error === undefined) resolve({ files, fields });
      else reject(discard(req, error));
    };
    const refuse = (message: string, param?: string): void =>
      settle(new AppError('invalid_request', message, param === undefined ? {} : { param }));
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (received > maxBytes) settle(tooLarge(maxBytes));
      else parser.write(chunk);
    };
    const onEnd = (): void => {
      parser.end();
      // It says nothing about a form that stops before its first part.
      silence = setTimeout(() => refuse(NO_WHOLE_FORM), MAX_SILENCE_MS);
    };
    const onGone = (): void => {
      if (!req.complete) settle(new AppError('cancelled', 'The client left while sending.'));
    };
    parser.on('file', (field: string, stream: Readable, filename: string) => {
      const chunks: Buffer[] = [];
      // Told by the parser, too.
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        files.push({ field, filename: clean(filename), bytes: Buffer.concat(chunks) });
      });
    });
    parser.on('field', (name: string, value: string, nameCut: boolean, valueCut: boolean) => {
      if (nameCut || valueCut) refuse('A field is too long.');
      else if (fields.has(name)) refuse(`"${name}" is given twice.`, name);
      else fields.set(name, value);
    });
    parser.on('filesLimit', () => refuse(`At most ${maxFiles} files at once.`));
    parser.on('fieldsLimit', () => refuse(`At most ${MAX_FIELDS} fields.`));
    parser.on('error', (error: unknown) => refuse(`${NO_WHOLE_FORM} (${error})`));
    parser.on('finish', () => settle());
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

function openParser(type: string, maxFiles: number): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': type },
      limits: { files: maxFiles, fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES, headerPairs: 20 },
    });
  } catch (cause) {
    throw new AppError('invalid_request', `The body is no form: ${String(cause)}`, { cause });
  }
}

function discard(req: Request, error: AppError): AppError {
  discardRest(req);
  return error;
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('body_too_large', `The body is larger than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}

function clean(filename: string): string {
  const name = filename.toWellFormed().replaceAll(/\p{Cc}/gu, '');
  return (name.split(/[/\\]/).at(-1) ?? '').slice(0, MAX_FILENAME_CHARACTERS).toWellFormed();
}
