import { dtypeByteSizes, isDtype, type Dtype } from '../dtype';
import { elementCount, type Header } from '../header';
import { quoted, SafetensorsError } from '../safetensors-error';
import type { TorchTensor } from './torch-globals';
import type { StoredFile } from './zip-directory';

/** A non-contiguous tensor, such as a transposed one. */
export interface StridedTensor {
  dtype: Dtype;
  shape: readonly number[];
  /** Strides in elements. */
  strides: readonly number[];
  /** Offset in the file of its first element, in bytes. */
  begin: number;
  /** Number of storage elements from its first to its last element. */
  span: number;
}

/** Positions of the tensors of a checkpoint. `begin` of an entry counts from the start of the file. */
export interface PlacedTensors {
  header: Header;
  /** The entries of `header.entries` that are not contiguous. */
  strided: ReadonlyMap<string, StridedTensor>;
}

/**
 * Checks each tensor against the storage that it is a view of: it must be inside the storage and not larger than it. A
 * view that repeats elements could have any size, whatever the size of the file.
 *
 * @throws SafetensorsError `invalid-shape`, `invalid-offsets`
 */
export function placeTensors({
  tensors,
  storages,
}: {
  tensors: ReadonlyMap<string, TorchTensor>;
  storages: ReadonlyMap<string, StoredFile>;
}): PlacedTensors {
  const header: Header = { names: [], entries: new Map(), foreign: new Map(), metadata: {} };
  const strided = new Map<string, StridedTensor>();
  const sorted = [...tensors].map(([name, tensor]) => ({ name, tensor, storage: storages.get(tensor.storage.key) }));
  for (const { name, tensor, storage } of sorted) {
    const fail = (code: 'invalid-shape' | 'invalid-offsets', message: string): never => {
      throw new SafetensorsError({ code, message: `tensor ${quoted(name)} ${message}` });
    };
    if (storage === undefined) {
      fail('invalid-offsets', `is a view of the storage ${quoted(tensor.storage.key)}, which is missing from the file`);
      continue;
    }
    const { dtype, shape, strides, offset } = tensor;
    const elements = elementCount(shape, name);
    if (!isDtype(dtype)) {
      header.foreign.set(name, { dtype, byteLength: 0 });
      header.names.push(name);
      continue;
    }
    const size = dtypeByteSizes[dtype];
    const { storage: declared } = tensor;
    if (isDtype(declared.dtype) && declared.elements * dtypeByteSizes[declared.dtype] > storage.byteLength)
      fail(
        'invalid-offsets',
        `is in a storage declared with ${declared.elements} elements of ${declared.dtype}, which has ${storage.byteLength} bytes`,
      );
    const room = Math.floor(storage.byteLength / size);
    const span = elements === 0 ? 0 : shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, 1);
    if (!Number.isSafeInteger(span) || offset + span > room)
      fail('invalid-offsets', `reaches to element ${offset + span} of a storage of ${room}`);
    if (elements > span)
      fail(
        'invalid-shape',
        `of shape [${shape.join(', ')}] repeats elements of its storage; save a copy made with tensor.clone()`,
      );
    const begin = storage.position + offset * size;
    header.names.push(name);
    header.entries.set(name, { dtype, shape: [...shape], byteLength: elements * size, begin });
    if (!isContiguous(shape, strides) && elements > 0) strided.set(name, { dtype, shape, strides, begin, span });
  }
  return { header, strided };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
