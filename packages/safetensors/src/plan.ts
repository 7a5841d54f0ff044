import {
  bytesOf,
  dtypeByteSizes,
  isDtype,
  isStorageArray,
  requireLittleEndian,
  storageArrayName,
  type Dtype,
  type StorageArray,
} from './dtype';
import { fromFloat32 } from './float-conversion';
import { elementCount, maximumHeaderBytes, prefixBytes, type PlacedEntry } from './header';
import { quoted, SafetensorsError } from './safetensors-error';

/** Dtype and shape of a tensor to write. */
export interface TensorDeclaration {
  /** Dtype in the file. */
  dtype: Dtype;
  /** Size of each dimension, in row-major order; empty for a scalar. */
  shape: readonly number[];
}

/** A tensor to write. */
export interface TensorToWrite extends TensorDeclaration {
  /**
   * The elements in row-major order: in the dtype's typed array (F16 and BF16 as raw bits, BOOL as 0 and 1), or in a
   * `Float32Array` for any floating-point dtype, rounded to nearest.
   */
  data: StorageArray;
}

/** Values by name, in order: a plain object or a Map. */
export type Named<T> = Readonly<Record<string, T>> | ReadonlyMap<string, T>;

/** Entries of a plain object or a Map. */
export function pairs<T>(named: Named<T>): [string, T][] {
  return named instanceof Map ? [...(named as ReadonlyMap<string, T>)] : Object.entries(named as Record<string, T>);
}

/** Layout of a file: the bytes before the data, and the position of each tensor. */
export interface FilePlan {
  /** The length of the header and the header, padded with spaces to a multiple of 8 bytes. */
  head: Uint8Array;
  /** Tensors by name, ordered by position in the file. */
  entries: Map<string, PlacedEntry>;
  /** Size of the file in bytes. */
  fileBytes: number;
}

/**
 * Lays out a file: dtypes with larger elements first, so that each tensor is aligned to its element size; otherwise in
 * the given order, so that the same tensors produce the same bytes.
 *
 * @throws SafetensorsError `invalid-tensor`, `unsupported-dtype`, `invalid-shape`, `header-too-large`
 */
export function planFile(options: {
  tensors: readonly (readonly [string, TensorDeclaration])[];
  metadata?: Readonly<Record<string, string>>;
}): FilePlan {
  requireLittleEndian();
  const { tensors, metadata } = options;
  const entries = new Map<string, PlacedEntry>();
  const placed = tensors.map(([name, { dtype, shape }]) => {
    requireWritableText(name, 'the tensor name');
    if (name === '__metadata__') {
      throw new SafetensorsError({
        code: 'invalid-tensor',
        message: 'a tensor can\'t be named "__metadata__": the format keeps that key for text',
      });
    }
    if (!isDtype(dtype)) {
      throw new SafetensorsError({
        code: 'unsupported-dtype',
        message: `tensor ${quoted(name)} has the dtype ${quoted(String(dtype))}; known are ${Object.keys(dtypeByteSizes).join(', ')}`,
      });
    }
    return { name, dtype, shape: [...shape], byteLength: elementCount(shape, name) * dtypeByteSizes[dtype] };
  });
  placed.sort((first, second) => dtypeByteSizes[second.dtype] - dtypeByteSizes[first.dtype]);
  const header: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (metadata !== undefined && Object.keys(metadata).length > 0) {
    for (const [key, value] of Object.entries(metadata)) {
      requireWritableText(key, 'the metadata key');
      requireWritableText(value, `the metadata ${quoted(key)}`);
    }
    header['__metadata__'] = { ...metadata };
  }
  // Built by hand: as object keys, names that look like integers would lose their order.
  const fields = Object.entries(header).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  let begin = 0;
  for (const { name, dtype, shape, byteLength } of placed) {
    if (entries.has(name)) {
      throw new SafetensorsError({ code: 'duplicate-name', message: `two tensors are named ${quoted(name)}` });
    }
    entries.set(name, { dtype, shape, byteLength, begin });
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${begin},${begin + byteLength}]}`,
    );
    begin += byteLength;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  if (headerBytes > maximumHeaderBytes) {
    throw new SafetensorsError({
      code: 'header-too-large',
      message: `the header would be ${headerBytes} bytes long; the format allows 100 MB. Shorten the metadata or the names`,
    });
  }
  const head = new Uint8Array(prefixBytes + headerBytes).fill(0x20, prefixBytes);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerBytes), true);
  head.set(json, prefixBytes);
  return { head, entries, fileBytes: head.byteLength + begin };
}

/**
 * The bytes to write for elements of a tensor.
 *
 * @throws SafetensorsError `invalid-tensor` if the array has the wrong type for the dtype
 */
export function elementBytes(options: { name: string; dtype: Dtype; data: StorageArray }): Uint8Array {
  const { name, dtype } = options;
  const data: ArrayBufferView = options.data;
  if (ArrayBuffer.isView(data)) {
    if (isStorageArray(dtype, data)) return bytesOf(data);
    if (data instanceof Float32Array && (dtype === 'F16' || dtype === 'BF16' || dtype === 'F64')) {
      return bytesOf(fromFloat32({ dtype, data }));
    }
  }
  throw new SafetensorsError({
    code: 'invalid-tensor',
    message: `tensor ${quoted(name)} of dtype ${dtype} needs its data in a ${storageArrayName(dtype)}, not a ${(data as object | null | undefined)?.constructor.name ?? String(data)}`,
  });
}

function requireWritableText(text: unknown, what: string): void {
  if (typeof text !== 'string' || /\p{Surrogate}/u.test(text)) {
    throw new SafetensorsError({
      code: 'invalid-tensor',
      message: `${what} ${quoted(String(text))} must be a string without lone surrogates`,
    });
  }
}
