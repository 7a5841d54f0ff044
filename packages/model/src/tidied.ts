import { tf } from '@subtext/tensor';

/** `tf.tidy` for results of any shape: tensors inside them, or inside arrays and objects in them, are kept. */
export function tidied<Result>(compute: () => Result): Result {
  return tf.tidy(compute as () => tf.TensorContainer) as Result;
}
