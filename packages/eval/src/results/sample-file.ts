import { open, readFile, truncate, type FileHandle } from 'node:fs/promises';
import { EvaluationError } from '../errors';
import type { SampleRecord } from './sample-record';

/**
 * A samples file that grows line by line and can be gone on with: what a broken run finished is kept,
 * a torn last line is taken off.
 */
export class SampleFile {
  readonly path: string;
  /** Finished samples by id, in the file's order. */
  readonly finished: ReadonlyMap<string, SampleRecord>;
  /** Bytes of a torn last line that opening took off; 0 usually. */
  readonly recoveredBytes: number;
  readonly #handle: FileHandle;
  readonly #records: Map<string, SampleRecord>;
  #last: Promise<void> = Promise.resolve();

  private constructor(options: { path: string; handle: FileHandle; records: Map<string, SampleRecord>; recoveredBytes: number }) {
    this.path = options.path;
    this.#handle = options.handle;
    this.#records = options.records;
    this.finished = options.records;
    this.recoveredBytes = options.recoveredBytes;
  }

  /**
   * Opens a file, new or begun.
   *
   * @throws EvaluationError INVALID_RESULT_FILE for a broken line before the last, with its number.
   */
  static async open({ path }: { path: string }): Promise<SampleFile> {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const { records, validBytes, complete } = parse({ path, bytes });
    if (validBytes < bytes.length) await truncate(path, validBytes);
    const handle = await open(path, 'a');
    // A whole record whose line end was not written any more.
    if (!complete) await handle.appendFile('\n');
    return new SampleFile({ path, handle, records, recoveredBytes: bytes.length - validBytes });
  }

  /**
   * Writes a finished sample. Calls may overlap; lines never mix.
   *
   * @throws EvaluationError INVALID_ARGUMENT for a sample that is finished already.
   */
  append(record: SampleRecord): Promise<void> {
    if (this.#records.has(record.id)) {
      return Promise.reject(new EvaluationError({ code: 'INVALID_ARGUMENT', message: `Sample "${record.id}" is in ${this.path} already; samples of a task need ids of their own.` }));
    }
    this.#records.set(record.id, record);
    const line = `${JSON.stringify(record)}\n`;
    const written = this.#last.then(() => this.#handle.appendFile(line));
    // A failed write must not keep later ones from being tried; its own caller hears of it.
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Waits for what is being written, brings it to the disk and closes the file. */
  async close(): Promise<void> {
    await this.#last;
    await this.#handle.sync();
    await this.#handle.close();
  }
}

/**
 * Reads a whole samples file.
 *
 * @throws EvaluationError INVALID_RESULT_FILE for a broken line, with its number.
 */
export async function readSamples(path: string): Promise<SampleRecord[]> {
  const bytes = await readFile(path);
  const { records, validBytes } = parse({ path, bytes });
  if (validBytes < bytes.length) {
    throw new EvaluationError({ code: 'INVALID_RESULT_FILE', message: `${path}: the last line is torn; go on with the run that writes it, or take the line off.` });
  }
  return [...records.values()];
}

function parse({ path, bytes }: { path: string; bytes: Buffer }): { records: Map<string, SampleRecord>; validBytes: number; complete: boolean } {
  const records = new Map<string, SampleRecord>();
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    const text = bytes.toString('utf8', start, end);
    const record = text.trim() === '' ? undefined : parseRecord(text);
    if (text.trim() !== '' && record === undefined) {
      if (found < 0 || found === bytes.length - 1) return { records, validBytes: start, complete: true };
      throw new EvaluationError({ code: 'INVALID_RESULT_FILE', message: `${path}:${line} is no sample record; take the line off, or start the run in a new folder.` });
    }
    if (record !== undefined) {
      if (records.has(record.id)) {
        throw new EvaluationError({ code: 'INVALID_RESULT_FILE', message: `${path}:${line}: sample "${record.id}" stands in the file twice; take one line off.` });
      }
      records.set(record.id, record);
    }
    if (found < 0) return { records, validBytes: bytes.length, complete: false };
    start = found + 1;
  }
  return { records, validBytes: bytes.length, complete: true };
}

function parseRecord(text: string): SampleRecord | undefined {
  try {
    const value = JSON.parse(text) as SampleRecord;
    const whole = typeof value === 'object' && value !== null && typeof value.id === 'string' && typeof value.doc_id === 'number' && Array.isArray(value.metrics);
    return whole ? value : undefined;
  } catch {
    return undefined;
  }
}
