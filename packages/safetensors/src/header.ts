import { dtypeByteSizes, isDtype, type Dtype } from './dtype';
import { JsonScanner } from './json-scanner';
import { quoted, SafetensorsError } from './safetensors-error';

/** The format's limit on the header, in bytes. */
export const maximumHeaderBytes = 100_000_000;

/** Bytes before the header: its length as a little-endian 64-bit number. */
export const prefixBytes = 8;

/** Maximum number of dimensions, as in NumPy and PyTorch. */
const maximumRank = 64;

/** Header entry of a tensor. */
export interface TensorEntry {
  /** Dtype, by its name in the format. */
  dtype: Dtype;
  /** Size of each dimension, in row-major order; empty for a scalar. */
  shape: number[];
  /** Size in bytes. */
  byteLength: number;
}

/** A header entry with its position. */
export interface PlacedEntry extends TensorEntry {
  /** Offset of the first byte from the end of the header. */
  begin: number;
}

/** A tensor with an unsupported dtype. */
export interface ForeignEntry {
  /** Dtype, as named in the file. */
  dtype: string;
  /** Size in bytes. */
  byteLength: number;
}

/** A validated header. */
export interface Header {
  /** Names of all tensors, by position in the file. */
  names: string[];
  /** Tensors by name, ordered by position in the file. */
  entries: Map<string, PlacedEntry>;
  /** Tensors with unsupported dtypes, such as `F8_E4M3`; reading one throws. */
  foreign: Map<string, ForeignEntry>;
  /** Key–value pairs of `__metadata__`. */
  metadata: Record<string, string>;
}

/** Number of elements of a shape: the product of its dimensions, 1 for a scalar. */
export function elementCount(shape: readonly number[], name: string): number {
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new SafetensorsError({
        code: 'invalid-shape',
        message: `tensor ${quoted(name)} has the dimension ${dimension}; dimensions are whole numbers from 0 to 2^53 - 1`,
      });
    }
    count *= dimension;
    if (!Number.isSafeInteger(count)) {
      throw new SafetensorsError({
        code: 'invalid-shape',
        message: `tensor ${quoted(name)} of shape [${shape.join(', ')}] has more than 2^53 - 1 elements`,
      });
    }
  }
  return count;
}

/**
 * Reads the length of the header from the first 8 bytes of a file and checks it against the file size, before anything
 * is allocated.
 *
 * @param options.prefix the file's first 8 bytes
 * @param options.fileBytes size of the file in bytes
 * @throws SafetensorsError `truncated`, `header-too-large`
 */
export function headerByteLength(options: { prefix: Uint8Array; fileBytes: number }): number {
  const { prefix, fileBytes } = options;
  if (fileBytes < prefixBytes || prefix.byteLength < prefixBytes) {
    throw new SafetensorsError({
      code: 'truncated',
      message: `${fileBytes} bytes are too few for a safetensors file, which starts with 8 bytes that give the header's length`,
    });
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true);
  if (length > BigInt(maximumHeaderBytes)) {
    throw new SafetensorsError({
      code: 'header-too-large',
      message: `the header would be ${length} bytes long; the format allows 100 MB. Is this a safetensors file?`,
    });
  }
  if (Number(length) > fileBytes - prefixBytes) {
    throw new SafetensorsError({
      code: 'truncated',
      message: `the header is ${length} bytes long but only ${fileBytes - prefixBytes} follow its length: the file was cut short, or is not a safetensors file`,
    });
  }
  return Number(length);
}

/**
 * Parses and validates a header: names are unique, the byte range of every tensor matches shape × dtype (for supported
 * dtypes), and together the ranges cover the data without overlaps or gaps.
 *
 * @param options.bytes the header, without the 8 bytes of its length
 * @param options.dataBytes number of bytes after the header
 */
export function parseHeader(options: { bytes: Uint8Array; dataBytes: number }): Header {
  const { bytes, dataBytes } = options;
  if (bytes[0] !== 0x7b) {
    throw new SafetensorsError({
      code: 'invalid-header',
      message: 'the header does not start with "{": this is not a safetensors file, or it is damaged',
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SafetensorsError({ code: 'invalid-header', message: 'the header is not valid UTF-8', cause });
  }
  const scanner = new JsonScanner(text);
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>;
  const read: [string, Omit<PlacedEntry, 'dtype'> & { dtype: string }][] = [];
  scanner.object('the header', (name) => {
    if (name === '__metadata__') {
      // Some writers use null for no metadata, and the reference implementation accepts it.
      if (scanner.skipNull()) return;
      scanner.object('__metadata__', (key) => {
        metadata[key] = scanner.string(`the metadata ${quoted(key)}`);
      });
    } else {
      read.push([name, parseEntry(scanner, name)]);
    }
  });
  scanner.end('the header');
  read.sort(([, first], [, second]) => first.begin - second.begin || first.byteLength - second.byteLength);
  requireContiguous(read, dataBytes);
  const isKnown = (pair: (typeof read)[number]): pair is [string, PlacedEntry] => isDtype(pair[1].dtype);
  return {
    names: read.map(([name]) => name),
    entries: new Map(read.filter(isKnown)),
    foreign: new Map(read.filter((pair) => !isKnown(pair))),
    metadata,
  };
}

/** The error for a tensor with an unsupported dtype. */
export function unsupportedDtype({
  name,
  dtype,
  path,
}: {
  name: string;
  dtype: string;
  path?: string;
}): SafetensorsError {
  return new SafetensorsError({
    code: 'unsupported-dtype',
    message: `tensor ${quoted(name)} has the dtype ${quoted(dtype)}; known are ${Object.keys(dtypeByteSizes).join(', ')}`,
    path,
  });
}

/** Form of dtype names: F8_E4M3, F4, C64. */
const dtypeName = /^[A-Z][A-Z0-9_]{0,31}$/;

function parseEntry(scanner: JsonScanner, name: string): Omit<PlacedEntry, 'dtype'> & { dtype: string } {
  const label = quoted(name);
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object(`tensor ${label}`, (field) => {
    if (field === 'dtype') dtype = scanner.string(`the dtype of ${label}`);
    else if (field === 'shape') shape = scanner.integers(`the shape of ${label}`, maximumRank);
    else if (field === 'data_offsets') offsets = scanner.integers(`the data_offsets of ${label}`, 2);
    else scanner.skipValue(`the field ${quoted(field)} of ${label}`);
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    const missing = dtype === undefined ? 'dtype' : shape === undefined ? 'shape' : 'data_offsets';
    throw new SafetensorsError({ code: 'invalid-header', message: `tensor ${label} has no ${missing}` });
  }
  if (!dtypeName.test(dtype)) throw unsupportedDtype({ name, dtype });
  const [begin, end] = offsets;
  const elements = elementCount(shape, name);
  if (begin === undefined || end === undefined || end < begin) {
    throw new SafetensorsError({
      code: 'invalid-offsets',
      message: `tensor ${label} has the data_offsets [${offsets.join(', ')}]; they are [first byte, end], in order`,
    });
  }
  // The element size of an unsupported dtype is unknown; use its offsets.
  const byteLength = isDtype(dtype) ? elements * dtypeByteSizes[dtype] : end - begin;
  if (end - begin !== byteLength) {
    throw new SafetensorsError({
      code: 'invalid-offsets',
      message: `tensor ${label} takes ${byteLength} bytes as ${dtype} of shape [${shape.join(', ')}], but its data_offsets [${begin}, ${end}] span ${end - begin}`,
    });
  }
  return { dtype, shape, byteLength, begin };
}

/** Checks that the entries, in order, cover exactly `dataBytes`. */
function requireContiguous(
  entries: readonly [string, Pick<PlacedEntry, 'begin' | 'byteLength'>][],
  dataBytes: number,
): void {
  let covered = 0;
  let previous: string | undefined;
  for (const [name, { begin, byteLength }] of entries) {
    if (begin !== covered) {
      const what =
        begin < covered ? 'overlaps the one before it' : `leaves a hole of ${begin - covered} bytes before it`;
      const before = previous === undefined ? '' : ` (${quoted(previous)} ends at ${covered})`;
      throw new SafetensorsError({
        code: 'invalid-offsets',
        message: `tensor ${quoted(name)}, from byte ${begin}, ${what}${before}`,
      });
    }
    covered += byteLength;
    previous = name;
    if (covered > dataBytes) {
      throw new SafetensorsError({
        code: 'truncated',
        message: `tensor ${quoted(name)} ends at byte ${covered} of the data, but the file holds ${dataBytes}: it was cut short`,
      });
    }
  }
  if (covered !== dataBytes) {
    throw new SafetensorsError({
      code: 'invalid-offsets',
      message: `${dataBytes - covered} bytes follow the last tensor; the format allows none`,
    });
  }
}
