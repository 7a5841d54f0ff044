import type { tf } from '@subtext/tensor';

/** What stands for settings: made by {@link OperationRunner.settings}, for the next call alone. */
export type Settings = { readonly settings: unique symbol };

/** How an engine runs the operations of `native/operations.cc`. */
export interface OperationRunner {
  /**
   * Runs an operation: `inputs` in its order, then its settings.
   *
   * @param shapes those of its outputs, in its order
   * @returns the outputs, float32
   */
  run<T extends tf.Tensor[]>(
    operation: string,
    inputs: readonly (tf.Tensor | Settings)[],
    shapes: readonly (readonly number[])[],
  ): T;
  /** Numbers that an operation takes beside its tensors, as float32. */
  settings(...values: number[]): Settings;
  /** Tensors without numbers, which stand for what is absent. */
  absent: { float: tf.Tensor | Settings; integer: tf.Tensor | Settings };
  /**
   * Called before a variable is first changed in place, where memory that TensorFlow.js does not count may be behind it:
   * an array of the caller's, or a tensor of another shape.
   */
  own?(variable: tf.Variable): void;
}
