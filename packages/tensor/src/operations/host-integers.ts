import type { tf } from '../tensorflow';
import { OperationError } from '../errors';
import { engineMemory } from '../engines/registry';

/**
 * Values of an int32 tensor, or null if the host would have to wait for them, as for tensors computed on `webgpu`. Values
 * that came from the host are available on every engine.
 */
export function hostIntegers(tensor: tf.Tensor): Int32Array | null {
  const { hostIntegers: own } = engineMemory();
  return own ? own(tensor) : tensor.dataSync<'int32'>();
}

/**
 * Throws unless all ids are in `0 … count − 1` or equal `ignored`, since kernels access memory by them. Returns false if
 * they cannot be read without waiting; the operation must then return NaN for ids out of range.
 *
 * @param what `The id` or `The label`
 */
export function checkIds({
  operation,
  what,
  ids,
  count,
  ignored,
}: {
  operation: string;
  what: string;
  ids: tf.Tensor;
  count: number;
  ignored?: number;
}): boolean {
  const values = hostIntegers(ids);
  if (values === null) return false;
  for (let place = 0; place < values.length; place++) {
    const id = values[place]!;
    if ((id < 0 || id >= count) && id !== ignored) {
      const range = count === 0 ? 'where there are none' : `outside 0 to ${count - 1}`;
      throw new OperationError({
        operation,
        code: 'invalid-option',
        message: `${what} ${id} at place ${place} lies ${range}${ignored === undefined ? '' : ` and is not ${ignored}, which is ignored`}. Do the tokenizer and the model belong together?`,
      });
    }
  }
  return true;
}
