import { SafetensorsError } from './safetensors-error';

/** Bytes per element of each dtype, by its name in the format. */
export const dtypeByteSizes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** A dtype, by its name in the format. */
export type Dtype = keyof typeof dtypeByteSizes;

interface StorageArrays {
  F64: Float64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/**
 * The typed array that stores a dtype's elements bit for bit. F16 and BF16 are stored as raw bits, since not every
 * JavaScript engine has 16-bit floats. BOOL takes one byte per element: 0 is false, any other value true.
 */
export type StorageArray<D extends Dtype = Dtype> = StorageArrays[D];

const constructors: {
  [D in Dtype]: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => StorageArrays[D];
} = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Whether the text is the name of a supported dtype. */
export function isDtype(text: string): text is Dtype {
  return Object.hasOwn(dtypeByteSizes, text);
}

/** @throws SafetensorsError `unsupported-platform` on big-endian machines: the format is little-endian. */
export function requireLittleEndian(): void {
  if (!littleEndian) {
    throw new SafetensorsError({
      code: 'unsupported-platform',
      message:
        'safetensors files are little-endian and this machine is big-endian, which this package does not support',
    });
  }
}

/** The bytes as the dtype's typed array: a view if they are aligned to the element size, otherwise a copy. */
export function storageArray<D extends Dtype>(dtype: D, bytes: Uint8Array): StorageArray<D> {
  const byteSize = dtypeByteSizes[dtype];
  const aligned = bytes.byteOffset % byteSize === 0 ? bytes : bytes.slice();
  return new constructors[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / byteSize);
}

/** Whether the array has the type that stores this dtype. */
export function isStorageArray(dtype: Dtype, array: ArrayBufferView): array is StorageArray {
  return array instanceof constructors[dtype];
}

/** Name of the typed array that stores this dtype, for messages. */
export function storageArrayName(dtype: Dtype): string {
  return constructors[dtype].name;
}

/** The bytes of any typed array, as a view. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
