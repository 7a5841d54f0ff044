import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

/**
 * How the numbers of a weight may be stored: float32; 16 bits; 8 bits with one scale a row; 4 bits with one scale for each
 * 64 numbers of a row (the NF4 of QLoRA, arXiv 2305.14314).
 */
export type WeightDtype = 'float32' | 'bf16' | 'f16' | 'int8' | 'int4';

/** The numbers of a weight that an engine stores apart from its tensors' memory. Such a weight does not train. */
export interface StoredNumbers {
  dtype: WeightDtype;
  /** `[rows, columns]` */
  shape: readonly [number, number];
  /** Bytes that they take. */
  bytes: number;
  /** What the engine knows them by. */
  number: number;
  /** Writes all of them as float32, row after row. */
  widen(into: Float32Array): void;
  free(): void;
}

const stored = new WeakMap<object, StoredNumbers>();
let count = 0;

/** Notes where the numbers of a tensor's data lie. */
export function noteStored(dataId: object, numbers: StoredNumbers): void {
  stored.set(dataId, numbers);
  count++;
}

/** They lie there no longer. */
export function forgetStored(dataId: object): void {
  if (stored.delete(dataId)) count--;
}

/** Where the numbers of a tensor lie, if not in its engine's memory as every tensor's; else undefined. */
export function storedNumbers({ dataId }: Pick<Tensor, 'dataId'>): StoredNumbers | undefined {
  return count === 0 ? undefined : stored.get(dataId);
}

/** How a tensor's numbers are stored; a weight that is not float32 does not train. */
export function weightDtype(tensor: Tensor): WeightDtype {
  return storedNumbers(tensor)?.dtype ?? 'float32';
}

/** What {@link EngineMemory.storeWeight} gives: a weight whose rows come one after the other, then the tensor of them. */
export interface WeightStore {
  /**
   * Rounds rows of float32 numbers to the dtype.
   *
   * @throws TensorError `invalid-option` for numbers that are not finite, which 8 and 4 bits do not hold
   */
  write(options: { /** The first row. */ from: number; values: Float32Array }): void;
  /**
   * As `write`, from an open file: numbers that are stored there as they are to be here are not touched. False where it
   * can't, or where the file ends before or cannot be read.
   */
  read(options: {
    from: number;
    count: number;
    descriptor: number;
    /** Byte at which row `from` begins. */ position: number;
    dtype: 'F32' | 'BF16' | 'F16';
  }): boolean;
  /** The weight; the store is its from here on. */
  tensor(): Tensor2D;
  /** Frees what no tensor has taken. */
  dispose(): void;
}
