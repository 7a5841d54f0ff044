import { dtypeByteSizes, isDtype, type Dtype } from './dtype';
import { JsonScanner } from './json-scanner';
import { quoted, SafetensorsError } from './safetensors-error';

/** The format's limit on the header, in bytes. */
export const maximumHeaderBytes = 100_000_000;

/** Bytes before the header: its length as a little-endian 64-bit number. */
export const prefixBytes = 8;

/** More dimensions than this are refused; NumPy and PyTorch stop at 64 too. */
const maximumRank = 64;

/** What a file says about one tensor. */
export interface TensorEntry {
  /** Element type, as the format names it. */
  dtype: Dtype;
  /** Length of each dimension, slowest first; empty for a scalar. */
  shape: number[];
  /** Bytes its elements take. */
  byteLength: number;
}

/** An entry and where its bytes lie. */
export interface PlacedEntry extends TensorEntry {
  /** First byte, counted from the end of the header. */
  begin: number;
}

/** A tensor of a dtype that this package does not read. */
export interface ForeignEntry {
  /** Element type, as the file names it. */
  dtype: string;
  /** Bytes it takes. */
  byteLength: number;
}

/** A checked header. */
export interface Header {
  /** Names of all tensors, in the order of their bytes. */
  names: string[];
  /** Tensors by name, in the order of their bytes. */
  entries: Map<string, PlacedEntry>;
  /** Tensors of dtypes that this package does not read, such as `F8_E4M3`: they are refused when they are asked for. */
  foreign: Map<string, ForeignEntry>;
  /** The free text pairs of `__metadata__`. */
  metadata: Record<string, string>;
}

/** Elements in a shape: the product of its dimensions, 1 for a scalar. */
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
 * The length of the header from the first 8 bytes of a file, checked against the file before anything is allocated.
 *
 * @param options.prefix the file's first 8 bytes
 * @param options.fileBytes length of the whole file
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
 * Reads and checks a header: names occur once, every tensor's bytes are shape × dtype (of dtypes that are known), and together
 * they fill the data without overlap or hole.
 *
 * @param options.bytes the header's bytes, without the 8 of its length
 * @param options.dataBytes bytes that follow the header in the file
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
      // Writers in languages where the field is an option write null for none, and the reference reads it so.
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

/** The error for a tensor of a dtype that this package does not read. */
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

/** What names of dtypes look like: F8_E4M3, F4, C64. */
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
  // How many bytes a foreign dtype takes is not known: its offsets say so.
  const byteLength = isDtype(dtype) ? elements * dtypeByteSizes[dtype] : end - begin;
  if (end - begin !== byteLength) {
    throw new SafetensorsError({
      code: 'invalid-offsets',
      message: `tensor ${label} takes ${byteLength} bytes as ${dtype} of shape [${shape.join(', ')}], but its data_offsets [${begin}, ${end}] span ${end - begin}`,
    });
  }
  return { dtype, shape, byteLength, begin };
}

/** The entries, in order, fill exactly `dataBytes`. */
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
