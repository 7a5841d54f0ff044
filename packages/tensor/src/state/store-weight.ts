import { engineMemory } from '../engines/registry';
import { engineName } from '../engines/use-engine';
import { storedNumbers, type WeightDtype } from '../engines/weight-dtypes';
import { TensorError } from '../errors';
import type { tf } from '../tensorflow';

/** Whether a tensor's data is stored outside its engine's tensor memory, see {@link storeWeight}. */
export function isStored(tensor: tf.Tensor): boolean {
  return storedNumbers(tensor) !== undefined;
}

/**
 * Stores a matrix `[rows, columns]` outside the engine's tensor memory, rounded to a dtype of
 * `engineCapabilities().weightDtypes`; a no-op for float32. Reads `values` synchronously.
 *
 * @throws TensorError `invalid-option` for numbers that the dtype cannot represent; `out-of-memory`
 */
export function storeWeight({ values, dtype }: { values: tf.Tensor2D; dtype: WeightDtype }): tf.Tensor2D {
  const make = engineMemory().storeWeight;
  if (make === undefined)
    throw new TensorError({
      code: 'invalid-option',
      message: `The engine ${engineName()} stores no weights as ${dtype}. Use the engine native.`,
    });
  const store = make({ dtype, shape: values.shape });
  try {
    store.write({ from: 0, values: values.dataSync() as Float32Array });
    return store.tensor();
  } finally {
    store.dispose();
  }
}
