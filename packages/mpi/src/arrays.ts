import { MpiError } from './errors';
import type { ElementType } from './handles';

/** Arrays that can be sent: typed arrays and bytes, also on shared or WebAssembly memory. */
export type MpiArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

const types: Record<string, ElementType> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
};

/** Element type of an array. @throws MpiError `invalid-option` */
export function elementTypeOf(array: MpiArray): ElementType {
  const tag = ArrayBuffer.isView(array)
    ? (array as { [Symbol.toStringTag]: string })[Symbol.toStringTag]
    : typeof array;
  const type = Object.hasOwn(types, tag) ? types[tag] : undefined;
  if (type) return type;
  throw new MpiError({
    code: 'invalid-option',
    message: `MPI sends typed arrays of numbers and bytes, not ${tag}. Use a view of its memory, for example a Uint8Array.`,
  });
}

/** Splits an array into pieces of at most `pieceBytes`: MPI counts elements in 31 bits. */
export function inPieces<A extends MpiArray>(array: A, pieceBytes: number): A[] {
  const length = Math.max(1, Math.floor(pieceBytes / array.BYTES_PER_ELEMENT));
  if (array.length <= length) return [array];
  return Array.from(
    { length: Math.ceil(array.length / length) },
    (_, index) => (array as Float32Array).subarray(index * length, (index + 1) * length) as unknown as A,
  );
}
