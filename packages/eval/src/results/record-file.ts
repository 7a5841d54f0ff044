import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import { EvaluationError } from '../errors';

/** What a record file holds: anything with an id of its own. */
export interface FileRecord {
  id: string;
}

/**
 * A file of JSON lines that grows line by line and can be gone on with: what a broken run finished is
 * kept, a torn last line is taken off.
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

  private constructor(options: { path: string; handle: FileHandle; records: Map<string, Line>; recoveredBytes: number }) {
    this.path = options.path;
    this.#handle = options.handle;
    this.#records = options.records;
    this.finished = options.records;
    this.recoveredBytes = options.recoveredBytes;
  }

  /**
   * Opens a file, new or begun.
   *
   * @throws EvaluationError invalid-result-file for a broken line before the last, with its number.
   */
  static async open<Line extends FileRecord>({
    path,
    isRecord,
  }: {
    path: string;
    /** Whether a line's JSON is such a record. */
    isRecord: (value: FileRecord) => boolean;
  }): Promise<RecordFile<Line>> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const { records, validBytes, complete } = parseRecords<Line>({ path, bytes, isRecord });
    if (validBytes < bytes.length) await truncate(path, validBytes);
    const handle = await open(path, 'a');
    // A whole record whose line end was not written any more.
    if (!complete) await handle.appendFile('\n');
    return new RecordFile({ path, handle, records, recoveredBytes: bytes.length - validBytes });
  }

  /**
   * Writes a finished record. Calls may overlap; lines never mix.
   *
   * @throws EvaluationError invalid-argument for a record that is finished already.
   */
  append(record: Line): Promise<void> {
    if (this.#records.has(record.id)) {
      return Promise.reject(new EvaluationError({ code: 'invalid-argument', message: `"${record.id}" is in ${this.path} already; records of one file need ids of their own.` }));
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
 * Reads a whole file of records.
 *
 * @throws EvaluationError invalid-result-file for a broken line, with its number.
 */
export async function readRecords<Line extends FileRecord>({ path, isRecord }: { path: string; isRecord: (value: FileRecord) => boolean }): Promise<Line[]> {
  const bytes = await readFile(path);
  const { records, validBytes } = parseRecords<Line>({ path, bytes, isRecord });
  if (validBytes < bytes.length) {
    throw new EvaluationError({ code: 'invalid-result-file', message: `${path}: the last line is torn; go on with the run that writes it, or take the line off.` });
  }
  return [...records.values()];
}

function parseRecords<Line extends FileRecord>({ path, bytes, isRecord }: { path: string; bytes: Buffer; isRecord: (value: FileRecord) => boolean }): { records: Map<string, Line>; validBytes: number; complete: boolean } {
  const records = new Map<string, Line>();
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    const text = bytes.toString('utf8', start, end);
    const empty = text.trim() === '';
    const record = empty ? undefined : parseRecord(text);
    if (!empty && (record === undefined || !isRecord(record))) {
      if (found < 0 || found === bytes.length - 1) return { records, validBytes: start, complete: true };
      throw new EvaluationError({ code: 'invalid-result-file', message: `${path}:${line} is no such record; take the line off, or start the run in a new folder.` });
    }
    if (record !== undefined) {
      if (records.has(record.id)) {
        throw new EvaluationError({ code: 'invalid-result-file', message: `${path}:${line}: "${record.id}" stands in the file twice; take one line off.` });
      }
      records.set(record.id, record as Line);
    }
    if (found < 0) return { records, validBytes: bytes.length, complete: false };
    start = found + 1;
  }
  return { records, validBytes: bytes.length, complete: true };
}

function parseRecord(text: string): FileRecord | undefined {
  try {
    const value = JSON.parse(text) as FileRecord;
    return typeof value === 'object' && value !== null && typeof value.id === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
