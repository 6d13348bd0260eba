// A disk that fails on command: real files, opened through `open`, whose writes and syncs obey the fields here. Syncs
// are only counted, which makes it quick.
import { type FileHandle, open } from 'node:fs/promises';
import type { OpenFile } from '../store/line-file.js';

function systemError(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, syscall: call });
}

export class FaultyDisk {
  /** Bytes that still fit; a write that does not fit is cut short, the next one fails with ENOSPC. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** So many writes to come fail with this code and write nothing. */
  failingWrites = 0;
  writeCode = 'EIO';
  /** So many syncs to come fail with this code. */
  failingSyncs = 0;
  syncCode = 'EIO';
  failingTruncates = 0;
  failingOpens = 0;
  openCode = 'ENOSPC';
  /** While set, writes wait for it. */
  hold: Promise<void> | null = null;
  /** Called after each write. */
  afterWrite: (() => Promise<void>) | null = null;
  writes = 0;
  bytesRead = 0;
  /** One entry a sync, with the number of the descriptor it was asked of. */
  readonly syncs: number[] = [];
  #descriptors = 0;

  readonly open: OpenFile = async (file, flags, mode) => {
    if (this.failingOpens > 0) {
      this.failingOpens--;
      throw systemError(this.openCode, 'open');
    }
    return this.#wrap(await open(file, flags, mode), this.#descriptors++);
  };

  #sync(descriptor: number): void {
    this.syncs.push(descriptor);
    if (this.failingSyncs === 0) return;
    this.failingSyncs--;
    throw systemError(this.syncCode, 'fdatasync');
  }

  #wrap(handle: FileHandle, descriptor: number): FileHandle {
    const faulty: Partial<Record<keyof FileHandle, (...args: never[]) => Promise<unknown>>> = {
      write: async (
        bytes: Buffer | string,
        offset = 0,
        length = bytes.length,
        position: number | null = null,
      ) => {
        await this.hold;
        this.writes++;
        if (this.failingWrites > 0) {
          this.failingWrites--;
          throw systemError(this.writeCode, 'write');
        }
        if (typeof bytes === 'string') return handle.write(bytes);
        const fits = Math.min(length, this.freeBytes);
        if (fits === 0) throw systemError('ENOSPC', 'write');
        this.freeBytes -= fits;
        const written = await handle.write(bytes, offset, fits, position);
        await this.afterWrite?.();
        return written;
      },
      datasync: async () => this.#sync(descriptor),
      sync: async () => this.#sync(descriptor),
      truncate: async (size: number) => {
        if (this.failingTruncates > 0) {
          this.failingTruncates--;
          throw systemError('EIO', 'ftruncate');
        }
        return handle.truncate(size);
      },
      read: async (buffer: Buffer, offset: number, length: number, position: number) => {
        const result = await handle.read(buffer, offset, length, position);
        this.bytesRead += result.bytesRead;
        return result;
      },
    };
    return new Proxy(handle, {
      get: (target, name) => {
        const value: unknown = Reflect.get(faulty, name) ?? Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
