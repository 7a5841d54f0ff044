import { engineMemory } from '../engines/registry';
import { engineName } from '../engines/use-engine';
import { storedNumbers, type WeightDtype } from '../engines/weight-dtypes';
import { TensorError } from '../errors';
import type { tf } from '../tensorflow';

/** Whether a tensor's numbers lie outside of its engine's memory of tensors: see {@link storeWeight}. */
export function isStored(tensor: tf.Tensor): boolean {
  return storedNumbers(tensor) !== undefined;
}

/**
 * A matrix `[rows, columns]` whose numbers are stored outside of the engine's memory of tensors, rounded to a dtype that
 * `engineCapabilities().weightDtypes` has; with float32 they are the same. Reads `values` in a call.
 *
 * @throws TensorError `invalid-option` for numbers that the dtype cannot hold; `out-of-memory`
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
