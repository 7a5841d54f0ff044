import { fileError } from '@subtext/core/node';
import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rm, type FileHandle } from 'node:fs/promises';

/** A partially downloaded file, open for appending. */
export interface IncompleteFile {
  /** Current size in bytes. */
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Truncates the file to zero bytes. */
  empty(): Promise<void>;
  /** Adds the current content to a hash. */
  hash(hash: Hash): Promise<void>;
  /** Flushes the file to disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a partial file of an earlier download, or creates it. In a shared cache, a symbolic or hard link to another file,
 * or anything that is not a regular file, is replaced and never written through.
 *
 * @throws FileError
 */
export async function openIncomplete(path: string): Promise<IncompleteFile> {
  let handle: FileHandle;
  try {
    handle = (await openOwn(path)) ?? (await open(path, 'wx+'));
  } catch (cause) {
    throw fileError({ cause, path, action: 'write' });
  }
  let { size } = await handle.stat();
  return {
    get size() {
      return size;
    },
    async append(bytes) {
      try {
        for (let done = 0; done < bytes.byteLength;) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, size);
          done += bytesWritten;
          size += bytesWritten;
        }
      } catch (cause) {
        throw fileError({ cause, path, action: 'write' });
      }
    },
    async empty() {
      await handle.truncate(0);
      size = 0;
    },
    async hash(hash) {
      const buffer = Buffer.allocUnsafe(2 ** 20);
      for (let position = 0; position < size;) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.byteLength, size - position), position);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        position += bytesRead;
      }
    },
    flush: () => handle.sync(),
    close: () => handle.close(),
  };
}

/** Opens the path if it is a regular file without other hard links; otherwise deletes it. */
async function openOwn(path: string): Promise<FileHandle | null> {
  const isOwn = ({ isFile, nlink }: { isFile: boolean; nlink: number }): boolean => isFile && nlink <= 1;
  const found = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw cause;
  });
  if (found === null) return null;
  if (isOwn({ isFile: found.isFile(), nlink: found.nlink })) {
    // Checked again after opening: the path may have been replaced in the meantime.
    const handle = await open(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    if (isOwn({ isFile: status.isFile(), nlink: status.nlink })) return handle;
    await handle.close();
  }
  await rm(path, { recursive: false });
  return null;
}

/** Deletes the partial file. @throws FileError */
export async function removeIncomplete(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw fileError({ cause, path, action: 'remove' });
  });
}
