import { isUtf8 } from 'node:buffer';
import { DataError } from '../errors';
import { defaultFileLimits, notUtf8, openForReading, type FileLimits } from './data-file';

/** A line of a text file and where it stands. */
export interface Line {
  /** Counted from 1. */
  number: number;
  /** Without its line end. */
  text: string;
  /** Where the line starts in the file, in bytes. */
  offset: number;
  byteLength: number;
  /** What is wrong with its bytes; the text is not to be used then. */
  problem?: string;
}

/**
 * The lines of a UTF-8 file, one by one, in constant memory. Empty lines are passed over; line ends may be LF or CRLF.
 *
 * @throws DataError `line-too-long` as soon as a line is: what has no line ends is not a file of lines
 */
export async function* readLines(
  file: string,
  { maximumLineBytes = defaultFileLimits.maximumLineBytes }: FileLimits = {},
): AsyncGenerator<Line> {
  const handle = await openForReading(file);
  try {
    const chunk = Buffer.allocUnsafe(1 << 18);
    let pending: Buffer[] = []; // the start of a line whose end is not read yet
    let pendingBytes = 0;
    let offset = 0; // where that line starts in the file
    let number = 0;
    const hold = (bytes: Buffer): void => {
      pendingBytes += bytes.length;
      if (pendingBytes > maximumLineBytes) {
        throw new DataError({
          code: 'line-too-long',
          file,
          line: number + 1,
          message: `the line has more than ${maximumLineBytes} bytes. This is not a file of lines, or \`maximumLineBytes\` is to be raised.`,
        });
      }
      pending.push(bytes);
    };
    const finishLine = (end: Buffer): Line | undefined => {
      hold(end);
      const bytes = pending.length === 1 ? end : Buffer.concat(pending);
      pending = [];
      pendingBytes = 0;
      number += 1;
      const line = { number, offset, byteLength: bytes.length };
      offset += bytes.length + 1;
      if (!isUtf8(bytes)) return { ...line, text: '', problem: notUtf8(number === 1 ? bytes : Buffer.alloc(0)) };
      const decoded = bytes.toString('utf8').replace(/\r$/, '');
      const text = number === 1 ? decoded.replace(/^\uFEFF/, '') : decoded;
      return text.trim() === '' ? undefined : { ...line, text };
    };
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null).catch((cause: unknown) => {
        if (DataError.isInstance(cause)) throw cause;
        throw new DataError({
          code: 'file-unreadable',
          file,
          message: `the file can't be read (${(cause as Error).message}).`,
          cause,
        });
      });
      if (bytesRead === 0) break;
      const bytes = chunk.subarray(0, bytesRead);
      let start = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
        const line = finishLine(bytes.subarray(start, end));
        start = end + 1;
        if (line) yield line;
      }
      if (start < bytesRead) hold(Buffer.from(bytes.subarray(start)));
    }
    const last = pending.length > 0 ? finishLine(Buffer.alloc(0)) : undefined;
    if (last) yield last;
  } finally {
    await handle.close();
  }
}
