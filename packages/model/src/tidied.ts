import { tf } from '@subtext/tensor';

/** `tf.tidy` for results of any structure: tensors nested in arrays and objects are kept too. */
export function tidied<Result>(compute: () => Result): Result {
  return tf.tidy(compute as () => tf.TensorContainer) as Result;
}
