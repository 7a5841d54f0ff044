import { fileError } from '@subtext/core/node';
import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rm, type FileHandle } from 'node:fs/promises';

/** The part of a file that has come, open for more. */
export interface IncompleteFile {
  /** Bytes that are there. */
  readonly size: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Leaves nothing of it. */
  empty(): Promise<void>;
  /** Adds what is there to a hash. */
  hash(hash: Hash): Promise<void>;
  /** Brings it to the disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens what an earlier download left, or starts anew. The cache may be shared: what is a link to a file elsewhere, or a
 * second name of one, or no file at all, gives way and is not written through.
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

/** The file of that name, if it is a file with no other name; else the name is freed. */
async function openOwn(path: string): Promise<FileHandle | null> {
  const isOwn = ({ isFile, nlink }: { isFile: boolean; nlink: number }): boolean => isFile && nlink <= 1;
  const found = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw cause;
  });
  if (found === null) return null;
  if (isOwn({ isFile: found.isFile(), nlink: found.nlink })) {
    // Looked at again once it is open: the name may have been given to something else in between.
    const handle = await open(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    if (isOwn({ isFile: status.isFile(), nlink: status.nlink })) return handle;
    await handle.close();
  }
  await rm(path, { recursive: false });
  return null;
}

/** Removes what has come. @throws FileError */
export async function removeIncomplete(path: string): Promise<void> {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw fileError({ cause, path, action: 'remove' });
  });
}
