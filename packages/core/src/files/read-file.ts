import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { FileError, fileError } from './file-error';

/** Options of {@link readRegularFile} and {@link readTextFile}. */
export interface ReadFileOptions {
  path: string;
  /** Maximum file size in bytes. Default 256 MiB. */
  maximumBytes?: number;
}

const defaultFileBytes = 256 * 2 ** 20;

/**
 * Opens a regular file for reading. Rejects pipes, devices, sockets and folders without blocking; follows links. The
 * caller closes the handle.
 *
 * @throws FileError
 */
export async function openRegularFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, opening a pipe without a writer would block. Windows has neither.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    // A socket can't be opened at all.
    if ((cause as NodeJS.ErrnoException).code === 'ENXIO')
      throw new FileError({ code: 'not-a-file', message: `${path} is not a file`, path, cause });
    throw fileError({ cause, path, action: 'read' });
  }
  try {
    const status = await handle.stat();
    if (!status.isFile())
      throw new FileError({
        code: 'not-a-file',
        message: `${path} is ${status.isDirectory() ? 'a folder' : 'a pipe or device'}, not a file`,
        path,
      });
    return { handle, size: status.size };
  } catch (cause) {
    await handle.close();
    throw fileError({ cause, path, action: 'read' });
  }
}

/**
 * Reads a regular file of at most `maximumBytes`.
 *
 * @throws FileError `not-found`, `not-a-file`, `too-large`, `input-output`
 */
export async function readRegularFile({ path, maximumBytes = defaultFileBytes }: ReadFileOptions): Promise<Buffer> {
  const { handle, size } = await openRegularFile(path);
  try {
    if (size > maximumBytes) throw tooLarge(path, size, maximumBytes);
    const bytes = Buffer.allocUnsafe(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(bytes, length, size - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return length === size ? bytes : bytes.subarray(0, length);
  } catch (cause) {
    throw fileError({ cause, path, action: 'read' });
  } finally {
    await handle.close();
  }
}

function tooLarge(path: string, size: number, limit: number): FileError {
  return new FileError({
    code: 'too-large',
    message: `${path} has ${size} bytes; the limit is ${limit}`,
    path,
  });
}

/**
 * Reads a UTF-8 file, without its byte order mark. Invalid UTF-8 throws instead of becoming U+FFFD.
 *
 * @throws FileError as {@link readRegularFile}; `invalid-text`
 */
export async function readTextFile(options: ReadFileOptions): Promise<string> {
  const bytes = await readRegularFile(options);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FileError({
      code: 'invalid-text',
      message: `${options.path} is not UTF-8 text`,
      path: options.path,
      cause,
    });
  }
}
