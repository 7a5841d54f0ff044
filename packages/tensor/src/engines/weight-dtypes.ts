import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/**
 * Storage formats of weights: float32; 16-bit floats; 8-bit integers with one scale per row; 4 bits with one scale per 64
 * numbers of a row (NF4 of QLoRA, arXiv 2305.14314).
 */
export type WeightDtype = 'float32' | 'bf16' | 'f16' | 'int8' | 'int4';

/** Data of a frozen weight that an engine stores outside its tensor memory. */
export interface StoredNumbers {
  dtype: WeightDtype;
  /** `[rows, columns]` */
  shape: readonly [number, number];
  /** Size in bytes. */
  bytes: number;
  /** The engine's id for the data. */
  number: number;
  /** Writes all values as float32 in row-major order. */
  widen(into: Float32Array): void;
  free(): void;
}

const stored = new WeakMap<object, StoredNumbers>();
let count = 0;

/** Records that a tensor's data is stored elsewhere. */
export function noteStored(dataId: object, numbers: StoredNumbers): void {
  stored.set(dataId, numbers);
  count++;
}

/** Deletes the record. */
export function forgetStored(dataId: object): void {
  if (stored.delete(dataId)) count--;
}

/** Storage of a tensor whose data is outside its engine's tensor memory; otherwise undefined. */
export function storedNumbers({ dataId }: Pick<Tensor, 'dataId'>): StoredNumbers | undefined {
  return count === 0 ? undefined : stored.get(dataId);
}

/** Storage dtype of a tensor. Weights not stored as float32 are frozen. */
export function weightDtype(tensor: Tensor): WeightDtype {
  return storedNumbers(tensor)?.dtype ?? 'float32';
}

/** Builder returned by {@link EngineMemory.storeWeight}: write the rows in order, then create the tensor. */
export interface WeightStore {
  /**
   * Rounds rows of float32 numbers to the dtype.
   *
   * @throws TensorError `invalid-option` for non-finite numbers, which 8 and 4 bits cannot represent
   */
  write(options: { /** The first row. */ from: number; values: Float32Array }): void;
  /**
   * Like `write`, from an open file; data already in the target dtype is copied unchanged. Returns false if unsupported, or
   * if the file is too short or can't be read.
   */
  read(options: {
    from: number;
    count: number;
    descriptor: number;
    /** Offset of row `from` in bytes. */ position: number;
    dtype: 'F32' | 'BF16' | 'F16';
  }): boolean;
  /** Creates the weight, which takes ownership of the storage. */
  tensor(): Tensor2D;
  /** Frees the storage, unless a tensor has taken ownership. */
  dispose(): void;
}
