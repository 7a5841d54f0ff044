import type { tf } from '@subtext/tensor';

/** Handle of settings, created by {@link OperationRunner.settings} and valid for the next call only. */
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
  /** Scalar parameters of an operation, as float32. */
  settings(...values: number[]): Settings;
  /** Empty tensors that represent absent inputs. */
  absent: { float: tf.Tensor | Settings; integer: tf.Tensor | Settings };
  /**
   * Called before a variable is first changed in place, where memory that TensorFlow.js does not count may be behind it:
   * an array of the caller's, or a tensor of another shape.
   */
  own?(variable: tf.Variable): void;
}
