import type { AsyncBuffer, ColumnMetaData } from 'hyparquet';

/** Fields of a page's header, by their numbers in Parquet's thrift definition. */
interface PageHeader {
  /** Bytes of the page, decompressed and as it lies in the file. */
  field_2?: unknown;
  field_3?: unknown;
  /** Of pages of data, of a dictionary, and of data in the second form: how many values. */
  field_5?: { field_1?: unknown };
  field_7?: { field_1?: unknown };
  field_8?: { field_1?: unknown };
}

/**
 * Holds what the pages of a column say of themselves against what the file says of the column: the reader believes them, and
 * would count to, or make room for, whatever a damaged one says.
 *
 * @throws Error that says what does not agree
 */
export async function checkParquetPages({
  file,
  column,
}: {
  file: AsyncBuffer;
  column: ColumnMetaData;
}): Promise<void> {
  const { deserializeTCompactProtocol } = await import('hyparquet/src/thrift.js');
  const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
  const bytes = Number(column.total_compressed_size);
  const values = Number(column.num_values);
  if (!(start >= 0 && bytes >= 0 && start + bytes <= file.byteLength)) throw new Error('a column lies outside of it');
  const view = new DataView(await file.slice(start, start + bytes));
  const within = (value: unknown, limit: number, what: string): number => {
    if (typeof value === 'number' && value >= 0 && value <= limit) return value;
    throw new Error(`a page has ${String(value)} ${what}, its column ${limit}`);
  };
  for (let offset = 0; offset < bytes;) {
    const reader = { view, offset };
    const header = deserializeTCompactProtocol(reader) as PageHeader;
    within(header.field_2, Number(column.total_uncompressed_size), 'bytes');
    const length = within(header.field_3, bytes - reader.offset, 'bytes');
    for (const page of [header.field_5, header.field_7, header.field_8])
      if (page) within(page.field_1, values, 'values');
    offset = reader.offset + length;
  }
}
