import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { DataError } from '../errors';

/** A line of a text file and where it stands. */
export interface Line {
  /** Counted from 1. */
  number: number;
  /** Without its line end. */
  text: string;
  /** Where the line starts in the file, in bytes. */
  offset: number;
  byteLength: number;
}

/** Opens a file for reading, or throws a DataError that names it. */
export async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DataError({
      code: missing ? 'file-missing' : 'file-unreadable',
      file,
      message: missing ? 'there is no such file.' : `the file can't be read (${(cause as Error).message}).`,
      cause,
    });
  }
}

/** The lines of a UTF-8 file, one by one, in constant memory. Empty lines are passed over; line ends may be LF or CRLF. */
export async function* readLines(file: string): AsyncGenerator<Line> {
  const handle = await openForReading(file);
  try {
    const chunk = Buffer.allocUnsafe(1 << 18);
    let pending: Buffer[] = []; // the start of a line whose end is not read yet
    let offset = 0; // where that line starts in the file
    let number = 0;
    const finishLine = (end: Buffer): Line | undefined => {
      const bytes = pending.length === 0 ? end : Buffer.concat([...pending, end]);
      pending = [];
      number += 1;
      const decoded = bytes.toString('utf8').replace(/\r$/, '');
      const text = number === 1 ? decoded.replace(/^\uFEFF/, '') : decoded;
      const line = { number, text, offset, byteLength: bytes.length };
      offset += bytes.length + 1;
      return text.trim() === '' ? undefined : line;
    };
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null).catch((cause: unknown) => {
        throw new DataError({ code: 'file-unreadable', file, message: `the file can't be read (${(cause as Error).message}).`, cause });
      });
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
        const line = finishLine(bytes.subarray(start, end));
        start = end + 1;
        if (line) yield line;
      }
      if (start < bytesRead) pending.push(Buffer.from(bytes.subarray(start)));
    }
    const last = pending.length > 0 ? finishLine(Buffer.alloc(0)) : undefined;
    if (last) yield last;
  } finally {
    await handle.close();
  }
}
