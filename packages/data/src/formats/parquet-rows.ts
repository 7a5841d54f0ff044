import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { DataError } from '../errors';
import { checkParquetPages } from './check-parquet-pages';
import { defaultFileLimits, openForReading, type FileLimits, type OpenedFile } from './data-file';
import type { FaultLog } from './fault-log';

const magic = 'PAR1';

/** Whether a file begins as Parquet does, in which the Hugging Face Hub keeps data sets. */
export async function isParquet(file: string): Promise<boolean> {
  const handle = await openForReading(file);
  try {
    const bytes = new Uint8Array(magic.length);
    const { bytesRead } = await handle.read(bytes, 0, magic.length, 0).catch(() => ({ bytesRead: 0 }));
    return bytesRead === magic.length && new TextDecoder('latin1').decode(bytes) === magic;
  } finally {
    await handle.close();
  }
}

/** A file that is read by parts. */
async function asBuffer({ handle, file }: { handle: OpenedFile; file: string }): Promise<AsyncBuffer> {
  const { size: byteLength } = await handle.stat();
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, end - start));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle
          .read(bytes, filled, bytes.length - filled, start + filled)
          .catch((cause: unknown) => {
            if (DataError.isInstance(cause)) throw cause;
            const message = `the file can't be read (${(cause as Error).message}).`;
            throw new DataError({ code: 'file-unreadable', file, message, cause });
          });
        if (bytesRead === 0) throw malformed({ file, reason: `it ends at byte ${start + filled}` });
        filled += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/**
 * A file of which a row group has been read: it is checked and then read, column by column, which over a network would be two
 * questions for each. Where its columns do not lie together nothing is held.
 */
async function holdRowGroup({
  buffer,
  columns,
  maximumFileBytes,
}: {
  buffer: AsyncBuffer;
  columns: FileMetaData['row_groups'][number]['columns'];
  maximumFileBytes: number;
}): Promise<AsyncBuffer> {
  const begins = columns.map(({ meta_data: column }) =>
    Number(column!.dictionary_page_offset ?? column!.data_page_offset),
  );
  const ends = columns.map(({ meta_data: column }, at) => begins[at]! + Number(column!.total_compressed_size));
  const [begin, end] = [Math.min(...begins), Math.max(...ends)];
  if (!(begin >= 0 && begin < end && end <= buffer.byteLength && end - begin <= maximumFileBytes)) return buffer;
  const bytes = await buffer.slice(begin, end);
  return {
    byteLength: buffer.byteLength,
    slice: (from, to = buffer.byteLength) =>
      from >= begin && to <= end ? bytes.slice(from - begin, to - begin) : buffer.slice(from, to),
  };
}

function malformed({ file, reason, cause }: { file: string; reason: string; cause?: unknown }): DataError {
  return new DataError({
    code: 'file-malformed',
    file,
    message: `the Parquet file can't be read: ${reason}. It is damaged, or was not written to its end; get it again.`,
    cause,
  });
}

/** Carries out a reading step; faults of the file are DataErrors that name it. */
async function reading<Result>(file: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    if (DataError.isInstance(cause)) throw cause;
    throw malformed({ file, reason: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Text as JSON would have it; bytes that are no UTF-8 stay bytes, which no reader takes for text. */
function textOf(bytes: Uint8Array | undefined): unknown {
  if (!bytes) return bytes;
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

/** A value as JSON would give it, beside bytes: whole numbers of 64 bits that JavaScript would round keep their digits as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  // A copy: what is kept of a row does not keep the whole row group.
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as Iterable<unknown>, plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** Refuses a file before any of its rows are read, where they could not be. */
function check({
  metadata,
  file,
  columns,
  names,
  codecs,
  maximumFileBytes,
}: {
  metadata: FileMetaData;
  file: string;
  columns: readonly string[];
  names: readonly string[];
  codecs: readonly string[];
  maximumFileBytes: number;
}): void {
  const missing = columns.filter((column) => !names.includes(column));
  if (missing.length > 0)
    throw new DataError({
      code: 'file-malformed',
      file,
      message: `the table has no column ${missing.map((name) => `\`${name}\``).join(' and ')}; it has ${names.join(', ')}. Rename its columns, or name the format that it has.`,
    });
  for (const [index, { total_byte_size, num_rows: rows, columns: chunks }] of metadata.row_groups.entries()) {
    const all = chunks.map(({ meta_data: column }) => Number(column?.total_uncompressed_size ?? 0));
    const bytes = Math.max(
      Number(total_byte_size),
      all.reduce((sum, one) => sum + one, 0),
    );
    const codec = chunks
      .map(({ meta_data }) => meta_data?.codec ?? 'UNCOMPRESSED')
      .find((one) => !codecs.includes(one));
    if (codec !== undefined)
      throw new DataError({
        code: 'file-unreadable',
        file,
        message: `the table is compressed by ${codec}, which is not read. Write it with snappy, gzip or zstd.`,
      });
    if (bytes > maximumFileBytes)
      throw new DataError({
        code: 'file-too-large',
        file,
        message: `row group ${index + 1} has ${bytes} bytes, more than ${maximumFileBytes}, and is held as a whole. Write smaller row groups, or raise \`maximumFileBytes\`.`,
      });
    // A column has a value, or the mark of none, for each row at least; a bit of the file at most stands for hundreds of them.
    if (!(rows >= 0 && rows <= maximumFileBytes))
      throw malformed({ file, reason: `row group ${index + 1} says that it has ${rows} rows` });
    const different = chunks.find(({ meta_data: column }) => !column || column.num_values < rows);
    if (different)
      throw malformed({
        file,
        reason: `a column of row group ${index + 1} has fewer values than rows, or is elsewhere`,
      });
  }
}

/**
 * The rows of a Parquet file as objects, numbered from 1, as lines of JSON would give them. One row group is held at a time.
 *
 * @throws DataError `file-malformed` where the file is damaged or lacks a column that is needed, `file-unreadable` where it is
 * compressed in a way that is not read, `file-too-large` where a row group is
 */
export async function* readParquetRows({
  file,
  log,
  columns = [],
  maximumFileBytes = defaultFileLimits.maximumFileBytes,
}: {
  file: string;
  log?: FaultLog;
  /** Columns that there have to be. @default none */
  columns?: readonly string[];
} & FileLimits): AsyncGenerator<{ number: number; record: unknown }> {
  const [{ parquetMetadataAsync, parquetReadObjects, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const handle = await openForReading(file);
  try {
    const buffer = await asBuffer({ handle, file });
    const metadata = await reading(file, () => parquetMetadataAsync(buffer, { geoparquet: false }));
    const names = parquetSchema(metadata).children.map(({ element }) => element.name);
    const codecs = ['UNCOMPRESSED', ...Object.keys(compressors)];
    check({ metadata, file, columns, names, codecs, maximumFileBytes });
    let before = 0;
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows);
      const held = await reading(file, () => holdRowGroup({ buffer, columns: group.columns, maximumFileBytes }));
      for (const { meta_data: column } of group.columns)
        await reading(file, () => checkParquetPages({ file: held, column: column! }));
      const records = await reading(file, () =>
        parquetReadObjects({
          file: held,
          metadata,
          compressors,
          rowStart: before,
          rowEnd: before + rows,
          parsers: { stringFromBytes: textOf },
        }),
      );
      for (const [index, record] of records.entries()) {
        if (log) log.report.records += 1;
        yield { number: before + index + 1, record: plain(record) };
      }
      before += rows;
    }
  } finally {
    await handle.close();
  }
}
