import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { FileError, fileError } from './file-error';

/** Options of the readers of whole files. */
export interface ReadFileOptions {
  path: string;
  /** The most bytes that it may have. Default 256 MiB. */
  maximumBytes?: number;
}

/** Bytes that a file may have where its reader says nothing else. */
const defaultFileBytes = 256 * 2 ** 20;

/**
 * Opens a regular file for reading. Pipes, devices, sockets and folders are refused without waiting for them; links are
 * followed. The caller closes the handle.
 *
 * @throws FileError
 */
export async function openRegularFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would hold up the call. Windows has neither.
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
 * The bytes of a regular file, not more than the bound.
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
    message: `${path} has ${size} bytes; more than ${limit} are not read`,
    path,
  });
}

/**
 * The text of a regular file of UTF-8, without its byte order mark. Bytes that are not UTF-8 are a fault, not U+FFFD.
 *
 * @throws FileError also `invalid-text`
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
