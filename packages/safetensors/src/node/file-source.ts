import type { FileHandle } from 'node:fs/promises';
import { FileError, openRegularFile } from '@subtext/core/node';
import type { RandomAccessSource } from '../random-access';
import { SafetensorsError } from '../safetensors-error';

/** Maximum size of one read; operating systems accept fewer than 2³¹ bytes. */
const maximumReadBytes = 1 << 30;

/** Opens a file as a source. @throws SafetensorsError `not-found`, `input-output` */
export async function fileSource({ path }: { path: string }): Promise<RandomAccessSource> {
  try {
    // Rejects pipes and devices without blocking.
    const { handle, size } = await openRegularFile(path);
    return {
      byteLength: size,
      label: path,
      descriptor: handle.fd,
      read: (request) => readFully(handle, path, request),
      close: () => handle.close(),
    };
  } catch (cause) {
    if (FileError.isInstance(cause) && cause.code === 'not-a-file')
      throw new SafetensorsError({ code: 'not-found', message: 'this is not a file', path, cause });
    throw fileError(cause, path, 'open');
  }
}

async function readFully(
  handle: FileHandle,
  path: string,
  request: { position: number; into: Uint8Array },
): Promise<void> {
  const { position, into } = request;
  for (let done = 0; done < into.byteLength;) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(
        into,
        done,
        Math.min(into.byteLength - done, maximumReadBytes),
        position + done,
      ));
    } catch (cause) {
      throw fileError(cause, path, 'read');
    }
    if (bytesRead === 0) {
      throw new SafetensorsError({
        code: 'truncated',
        message: `the file ended at byte ${position + done}; it was cut short while it was open`,
        path,
      });
    }
    done += bytesRead;
  }
}

/** Awaits a file operation of `@subtext/core` and converts its errors to `SafetensorsError`. */
export async function typed<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw FileError.isInstance(cause) ? fileError(cause, cause.path, 'write') : cause;
  }
}

/** Converts an error of the operating system into a `SafetensorsError`. */
export function fileError(cause: unknown, path: string, action: string): SafetensorsError {
  if (SafetensorsError.isInstance(cause)) return cause;
  if (FileError.isInstance(cause)) {
    const { path, message } = cause;
    return new SafetensorsError({
      code: cause.code === 'not-found' ? 'not-found' : 'input-output',
      message: message.replace(`${path}: `, ''),
      path,
      cause,
    });
  }
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SafetensorsError({
      code: 'not-found',
      message: `can't ${action} it: no such file or folder`,
      path,
      cause,
    });
  }
  return new SafetensorsError({
    code: 'input-output',
    message: `can't ${action} it: ${(cause as Error).message}`,
    path,
    cause,
  });
}
