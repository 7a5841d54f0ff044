import { isUtf8 } from 'node:buffer';
import { readdir } from 'node:fs/promises';
import { FileError, openRegularFile, readRegularFile } from '@subtext/core/node';
import { DataError } from '../errors';
import { openOnHub } from './hub-file';

/** What a data file may ask for. */
export interface FileLimits {
  /** Bytes of a line, or of a table's row. Default 67,108,864: a picture in base64 of 48 MB. */
  maximumLineBytes?: number;
  /** Bytes of a file that is one JSON value, or of a Parquet file's row group, which are held as a whole. Default 268,435,456. */
  maximumFileBytes?: number;
}

export const defaultFileLimits = { maximumLineBytes: 2 ** 26, maximumFileBytes: 2 ** 28 } as const;

/** The longest text that JavaScript can hold: no limit on a file's bytes can be above it. */
const longestText = 2 ** 29 - 25;

/** Files of data in a folder that stands where a file is expected. */
async function filesIn(folder: string): Promise<string> {
  const names = (await readdir(folder).catch((): string[] => []))
    .filter((name) => /\.(jsonl?|tsv|txt|parquet)$/.test(name))
    .sort();
  return names.length === 0
    ? 'name a file'
    : `name a file in it: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
}

async function dataFileError(cause: unknown, file: string): Promise<unknown> {
  if (!FileError.isInstance(cause)) return cause;
  if (cause.code === 'not-found')
    return new DataError({ code: 'not-found', file, message: 'there is no such file.', cause });
  if (cause.code === 'too-large')
    return new DataError({
      code: 'file-too-large',
      file,
      message: `${cause.message.slice(file.length).trim()}. Split it, write it as JSON lines, or raise \`maximumFileBytes\`.`,
      cause,
    });
  if (cause.code === 'not-a-file' && /a folder/.test(cause.message))
    return new DataError({
      code: 'file-unreadable',
      file,
      message: `this is a folder; ${await filesIn(file)}.`,
      cause,
    });
  return new DataError({ code: 'file-unreadable', file, message: `the file can't be read (${cause.message}).`, cause });
}

/** A file that is open for reading: Node's, or one that behaves like it. */
export interface OpenedFile {
  /** Reads up to `length` bytes into `into` from `offset` on; from where the last read ended where `position` is null. */
  read(into: Uint8Array, offset: number, length: number, position: number | null): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number }>;
  close(): Promise<void>;
}

/** Whether a file lies on the Hugging Face Hub: `hf://datasets/OWNER/NAME[@REVISION]/PATH`. */
export const isOnHub = (file: string): boolean => file.startsWith('hf://');

/** Opens a regular file, or one on the Hugging Face Hub, for reading, or throws a DataError that names it. */
export async function openForReading(file: string): Promise<OpenedFile> {
  if (isOnHub(file)) return openOnHub(file);
  try {
    return (await openRegularFile(file)).handle;
  } catch (cause) {
    throw await dataFileError(cause, file);
  }
}

/** The whole text of a UTF-8 file, bounded, or a DataError that names the file and the line that is not UTF-8. */
export async function readWholeText(
  file: string,
  { maximumFileBytes = defaultFileLimits.maximumFileBytes }: FileLimits = {},
): Promise<string> {
  let bytes: Buffer;
  try {
    const maximumBytes = Math.min(maximumFileBytes, longestText);
    bytes = isOnHub(file)
      ? await readWholeHubFile({ file, maximumBytes })
      : await readRegularFile({ path: file, maximumBytes });
  } catch (cause) {
    throw await dataFileError(cause, file);
  }
  if (!isUtf8(bytes)) {
    let line = 1;
    for (let start = 0; start < bytes.length; line += 1) {
      const end = bytes.indexOf(10, start);
      if (!isUtf8(bytes.subarray(start, end === -1 ? bytes.length : end))) break;
      start = end === -1 ? bytes.length : end + 1;
    }
    throw new DataError({ code: 'text-malformed', file, line, message: notUtf8(bytes) });
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

async function readWholeHubFile({ file, maximumBytes }: { file: string; maximumBytes: number }): Promise<Buffer> {
  const opened = await openOnHub(file);
  const { size } = await opened.stat();
  if (size > maximumBytes)
    throw new FileError({
      code: 'too-large',
      path: file,
      message: `${file} has ${size} bytes, more than ${maximumBytes}`,
    });
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) at += (await opened.read(bytes, at, size - at, at)).bytesRead;
  return bytes;
}

/** What to say of bytes that are not UTF-8. */
export function notUtf8(bytes: Uint8Array): string {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return wide ? 'the file is UTF-16; save it as UTF-8.' : 'the line is not UTF-8 text; save the file as UTF-8.';
}
