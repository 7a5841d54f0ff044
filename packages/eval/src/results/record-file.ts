import { parseJson } from '@subtext/core';
import { FileError, openRegularFile } from '@subtext/core/node';
import { constants } from 'node:fs';
import { open, truncate, type FileHandle } from 'node:fs/promises';
import { EvaluationError } from '../errors';

/** What a record file holds: anything with an id of its own. */
export interface FileRecord {
  id: string;
}

/**
 * A file of JSON lines that grows line by line and can be resumed: what an interrupted run finished is kept, a torn last
 * line is taken off.
 */
export class RecordFile<Line extends FileRecord> {
  readonly path: string;
  /** Finished records by id, in the file's order. */
  readonly finished: ReadonlyMap<string, Line>;
  /** Bytes of a torn last line that opening took off; 0 usually. */
  readonly recoveredBytes: number;
  readonly #handle: FileHandle;
  readonly #records: Map<string, Line>;
  #last: Promise<void> = Promise.resolve();

  private constructor(options: {
    path: string;
    handle: FileHandle;
    records: Map<string, Line>;
    recoveredBytes: number;
  }) {
    this.path = options.path;
    this.#handle = options.handle;
    this.#records = options.records;
    this.finished = options.records;
    this.recoveredBytes = options.recoveredBytes;
  }

  /**
   * Opens a file, new or begun.
   *
   * @throws EvaluationError invalid-result-file for a broken line before the last, with its number; FileError for what is no regular file.
   */
  static async open<Line extends FileRecord>({
    path,
    isRecord,
  }: {
    path: string;
    /** Whether a line's JSON is such a record. */
    isRecord: (value: FileRecord) => boolean;
  }): Promise<RecordFile<Line>> {
    const { records, validBytes, bytes, complete } = await readAll<Line>({ path, isRecord }).catch((error: unknown) => {
      if (FileError.isInstance(error) && error.code === 'not-found')
        return { records: new Map<string, Line>(), validBytes: 0, bytes: 0, complete: true };
      throw error;
    });
    if (validBytes < bytes) await truncate(path, validBytes);
    // A link is not followed: the file is this run's own.
    const handle = await open(
      path,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0),
      0o666,
    );
    // A whole record whose line end was not written any more.
    if (!complete) await handle.appendFile('\n');
    return new RecordFile({ path, handle, records, recoveredBytes: bytes - validBytes });
  }

  /**
   * Writes a finished record. Calls may overlap; lines never mix.
   *
   * @throws EvaluationError invalid-option for a record that is finished already.
   */
  append(record: Line): Promise<void> {
    if (this.#records.has(record.id)) {
      return Promise.reject(
        new EvaluationError({
          code: 'invalid-option',
          message: `"${record.id}" is in ${this.path} already; records of one file need ids of their own.`,
        }),
      );
    }
    this.#records.set(record.id, record);
    const line = `${JSON.stringify(record)}\n`;
    // After a failed write (a full disk) the line may be torn: later ones fail too, and opening the file again recovers it.
    const written = this.#last.then(() => this.#handle.appendFile(line));
    this.#last = written;
    written.catch(() => this.#records.delete(record.id));
    return written;
  }

  /** Waits for what is being written, brings it to the disk and closes the file. */
  async close(): Promise<void> {
    try {
      await this.#last;
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }
}

/**
 * Reads a whole file of records, line by line: it may be larger than memory holds at once as text.
 *
 * @throws EvaluationError invalid-result-file for a broken line, with its number.
 */
export async function readRecords<Line extends FileRecord>({
  path,
  isRecord,
}: {
  path: string;
  isRecord: (value: FileRecord) => boolean;
}): Promise<Line[]> {
  const { records, validBytes, bytes } = await readAll<Line>({ path, isRecord });
  if (validBytes < bytes) {
    throw new EvaluationError({
      code: 'invalid-result-file',
      message: `${path}: the last line is torn; resume the run that writes it, or take the line off.`,
    });
  }
  return [...records.values()];
}

/** The longest line that is read: no sample's output is longer. */
const longestLine = 64 * 2 ** 20;

interface ReadRecords<Line> {
  records: Map<string, Line>;
  /** Up to where lines are whole. */
  validBytes: number;
  bytes: number;
  /** Whether the last line has its end. */
  complete: boolean;
}

async function readAll<Line extends FileRecord>({
  path,
  isRecord,
}: {
  path: string;
  isRecord: (value: FileRecord) => boolean;
}): Promise<ReadRecords<Line>> {
  const records = new Map<string, Line>();
  const { handle, size } = await openRegularFile(path);
  const broken = (line: number) =>
    new EvaluationError({
      code: 'invalid-result-file',
      message: `${path}:${line} is no such record; take the line off, or start the run in a new folder.`,
    });
  try {
    let line = 0;
    let start = 0;
    // A broken line is a torn one only where nothing follows it.
    let torn: { line: number; start: number } | undefined;
    const take = (bytes: Buffer, length: number) => {
      line += 1;
      if (torn !== undefined) throw broken(torn.line);
      const { record, empty } = parseLine(bytes, path);
      if (!empty && (record === undefined || !isRecord(record))) torn = { line, start };
      else if (record !== undefined) {
        if (records.has(record.id))
          throw new EvaluationError({
            code: 'invalid-result-file',
            message: `${path}:${line}: "${record.id}" stands in the file twice; take one line off.`,
          });
        records.set(record.id, record as Line);
      }
      start += length;
    };
    let rest: Buffer[] = [];
    let restLength = 0;
    const chunk = Buffer.allocUnsafe(2 ** 20);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) break;
      let from = 0;
      for (let end = chunk.indexOf(0x0a, from); end >= 0 && end < bytesRead; end = chunk.indexOf(0x0a, from)) {
        const whole = Buffer.concat([...rest, chunk.subarray(from, end)]);
        take(whole, whole.length + 1);
        rest = [];
        restLength = 0;
        from = end + 1;
      }
      if (from < bytesRead) {
        rest.push(Buffer.from(chunk.subarray(from, bytesRead)));
        restLength += bytesRead - from;
        if (restLength > longestLine)
          throw new EvaluationError({
            code: 'invalid-result-file',
            message: `${path}:${line + 1} has more than ${longestLine} bytes; no record is as long.`,
          });
      }
    }
    const complete = restLength === 0;
    if (!complete) take(Buffer.concat(rest), restLength);
    const found = torn as { line: number; start: number } | undefined;
    return found === undefined
      ? { records, validBytes: start, bytes: start, complete }
      : { records, validBytes: found.start, bytes: Math.max(start, size), complete: true };
  } finally {
    await handle.close();
  }
}

function parseLine(bytes: Buffer, name: string): { record: FileRecord | undefined; empty: boolean } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { record: undefined, empty: false };
  }
  if (text.trim() === '') return { record: undefined, empty: true };
  try {
    const value = parseJson({ text, name }) as FileRecord;
    return {
      record: typeof value === 'object' && value !== null && typeof value.id === 'string' ? value : undefined,
      empty: false,
    };
  } catch {
    return { record: undefined, empty: false };
  }
}
