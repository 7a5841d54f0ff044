import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SafetensorsError } from '../safetensors-error';
import { fileError } from './file-source';

/**
 * A file that appears under its name whole or not at all: written beside it under a temporary name, flushed to the
 * disk, then renamed. Until `commit` has returned, what stood under the name before stands there still.
 */
export class AtomicFile {
  private state: 'writing' | 'flushed' | 'done' = 'writing';

  private constructor(
    private readonly path: string,
    private readonly temporaryPath: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Starts the file.
   *
   * @throws SafetensorsError `not-found` without its folder; `input-output`, also where a folder, device or pipe has the
   *   name: renaming would put the file in its place
   */
  static async create(path: string): Promise<AtomicFile> {
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined && !status.isFile()) {
      throw new SafetensorsError({ code: 'input-output', message: "can't write it: something that is not a file has this name", path });
    }
    const temporaryPath = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.temporary`);
    try {
      return new AtomicFile(path, temporaryPath, await open(temporaryPath, 'wx'));
    } catch (cause) {
      throw fileError(cause, path, 'write');
    }
  }

  /** Writes bytes at a position. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      // The operating system may write less than asked (and never more than 2³¹ − 1 bytes at once).
      for (let done = 0; done < bytes.byteLength; ) {
        const length = Math.min(bytes.byteLength - done, 1 << 30);
        done += (await this.handle.write(bytes, done, length, position + done)).bytesWritten;
      }
    } catch (cause) {
      throw fileError(cause, this.path, 'write');
    }
  }

  /** Flushes the bytes to the disk and closes the file, still under its temporary name. */
  async flush(): Promise<void> {
    try {
      await this.handle.sync();
      await this.handle.close();
      this.state = 'flushed';
    } catch (cause) {
      throw fileError(cause, this.path, 'write');
    }
  }

  /** Gives the flushed file its name. Follow it with `syncFolder`. */
  async publish(): Promise<void> {
    try {
      await rename(this.temporaryPath, this.path);
      this.state = 'done';
    } catch (cause) {
      throw fileError(cause, this.path, 'write');
    }
  }

  /** Flushes, gives the file its name and makes that last. */
  async commit(): Promise<void> {
    await this.flush();
    await this.publish();
    await syncFolder(dirname(this.path));
  }

  /** Removes what was written, unless it was published. Never throws. */
  async discard(): Promise<void> {
    if (this.state === 'done') return;
    if (this.state === 'writing') await this.handle.close().catch(() => {});
    await rm(this.temporaryPath, { force: true }).catch(() => {});
    this.state = 'done';
  }
}

/** Makes renames in a folder last through a loss of power. Windows can't open folders and needs no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    // Some network file systems can't flush a folder; the file itself is flushed by then.
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM') throw fileError(cause, folder, 'flush');
  }
}
