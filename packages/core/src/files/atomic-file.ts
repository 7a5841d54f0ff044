import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, fileError } from './file-error';

/**
 * A file written atomically: to a temporary file next to it, flushed to disk, then renamed. Until `commit` returns, an
 * existing file of that name stays unchanged.
 */
export class AtomicFile {
  #state: 'writing' | 'flushed' | 'done' = 'writing';
  readonly #path: string;
  readonly #temporaryPath: string;
  readonly #handle: FileHandle;

  private constructor(path: string, temporaryPath: string, handle: FileHandle) {
    this.#path = path;
    this.#temporaryPath = temporaryPath;
    this.#handle = handle;
  }

  /**
   * Creates the temporary file.
   *
   * @param options.mode file permissions. Default 0o666, minus the process's umask
   * @throws FileError `not-found` if the parent folder does not exist; `not-a-file` if the path is a folder, device or
   *   pipe. A symbolic link is replaced, never followed
   */
  static async create({ path, mode = 0o666 }: { path: string; mode?: number }): Promise<AtomicFile> {
    const status = await lstat(path).catch(() => undefined);
    if (status !== undefined && !status.isFile() && !status.isSymbolicLink()) {
      throw new FileError({
        code: 'not-a-file',
        message: `${path}: can't write it: a folder, pipe or device with this name exists`,
        path,
      });
    }
    const temporaryPath = join(
      dirname(path),
      `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.temporary`,
    );
    try {
      return new AtomicFile(path, temporaryPath, await open(temporaryPath, 'wx', mode));
    } catch (cause) {
      throw fileError({ cause, path, action: 'write' });
    }
  }

  /** Writes bytes at a position. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      // The operating system may write less than asked (and never more than 2³¹ − 1 bytes at once).
      for (let done = 0; done < bytes.byteLength;) {
        const length = Math.min(bytes.byteLength - done, 1 << 30);
        done += (await this.#handle.write(bytes, done, length, position + done)).bytesWritten;
      }
    } catch (cause) {
      throw fileError({ cause, path: this.#path, action: 'write' });
    }
  }

  /** Flushes the data to disk and closes the file, still under its temporary name. */
  async flush(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      this.#state = 'flushed';
    } catch (cause) {
      throw fileError({ cause, path: this.#path, action: 'write' });
    }
  }

  /** Renames the flushed file to its final name. Call `syncFolder` afterwards. */
  async publish(): Promise<void> {
    try {
      await rename(this.#temporaryPath, this.#path);
      this.#state = 'done';
    } catch (cause) {
      throw fileError({ cause, path: this.#path, action: 'write' });
    }
  }

  /** Flushes the file, renames it to its final name and flushes the folder. */
  async commit(): Promise<void> {
    await this.flush();
    await this.publish();
    await syncFolder(dirname(this.#path));
  }

  /** Deletes the temporary file, unless it was published. Never throws. */
  async discard(): Promise<void> {
    if (this.#state === 'done') return;
    if (this.#state === 'writing') await this.#handle.close().catch(() => {});
    await rm(this.#temporaryPath, { force: true }).catch(() => {});
    this.#state = 'done';
  }
}

/**
 * Writes a file atomically: temporary file, flush, rename, flush of the folder.
 *
 * @param options.mode file permissions. Default 0o666, minus the process's umask; use 0o600 for secrets
 * @throws FileError
 */
export async function writeFileAtomically({
  path,
  data,
  mode,
}: {
  path: string;
  data: string | Uint8Array;
  mode?: number;
}): Promise<void> {
  const file = await AtomicFile.create({ path, mode });
  try {
    await file.write(typeof data === 'string' ? Buffer.from(data) : data, 0);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Flushes a folder so that renames in it survive a power loss. A no-op on Windows, which can't open folders. */
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
    // Some network file systems can't flush a folder; the file itself has already been flushed.
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM')
      throw fileError({ cause, path: folder, action: 'flush' });
  }
}
