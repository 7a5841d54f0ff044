import { storedTypes, weightTypes } from '@subtext/native-kernels';
import { TensorError, type WeightDtype, type WeightStore } from '@subtext/tensor';
import type { StoredNumbers, WasmTensors } from '@subtext/tensor/engine';
import type { NativeLibrary } from './library';

/** As `FillProblem` in `native/weight-store.h`. */
const notFinite = -2;
const noMemory = -3;

/** Bits per value, including its share of the scales. */
const bitsOf: Record<WeightDtype, (columns: number) => number> = {
  float32: () => 32,
  bf16: () => 16,
  f16: () => 16,
  int8: (columns) => 8 + 32 / columns,
  int4: (columns) => ((4 * 64 + 32) * Math.ceil(columns / 64)) / columns,
};

/** Allocates a weight in the process's own memory: see `EngineMemory.storeWeight`. */
export function storeWeight({
  library,
  tensors,
  dtype,
  shape,
}: {
  library: NativeLibrary;
  tensors: WasmTensors;
  dtype: WeightDtype;
  shape: readonly [number, number];
}): WeightStore {
  const [rows, columns] = shape;
  const number = library.makeWeight(weightTypes[dtype], rows, columns);
  const bytes = Math.ceil((rows * columns * bitsOf[dtype](columns)) / 8);
  if (number < 0)
    throw new TensorError({
      code: 'out-of-memory',
      message: `native: no ${(bytes / 2 ** 20).toFixed(1)} MB left for a weight [${rows}, ${columns}] as ${dtype}. Take a dtype of fewer bits or a smaller model.`,
    });
  const numbers: StoredNumbers = {
    dtype,
    shape,
    bytes,
    number,
    widen: (into) => {
      if (library.widenWeight(number, 0, rows, into, into.length) !== 0)
        throw new Error(`the weight ${number} [${rows}, ${columns}] is not there any more`);
    },
    free: () => library.freeWeight(number),
  };
  let taken = false;
  const said = (problem: number): number => {
    if (problem === notFinite)
      throw new TensorError({
        code: 'invalid-option',
        message: `native: a weight [${rows}, ${columns}] holds numbers that are not finite, which ${dtype} has no place for. Load it as bf16 or float32.`,
      });
    if (problem === noMemory)
      throw new TensorError({
        code: 'out-of-memory',
        message: `native: no memory left to round a weight to ${dtype}.`,
      });
    return problem;
  };
  return {
    write: ({ from, values }) => {
      if (said(library.fillWeight(number, from, values.length / columns, values, values.length)) !== 0)
        throw new TensorError({
          code: 'shape-mismatch',
          message: `native: ${values.length} numbers are no rows from ${from} on of a weight [${rows}, ${columns}] as ${dtype}.`,
        });
    },
    read: ({ from, count, descriptor, position, dtype: stored }) =>
      said(library.fillWeightFromFile(number, from, count, descriptor, position, storedTypes[stored].code)) === 0,
    tensor: () => {
      taken = true;
      return tensors.stored(numbers);
    },
    dispose: () => {
      if (!taken) numbers.free();
    },
  };
}
