import { tf } from '../tensorflow';
import { check, checkFloat } from './check';

export interface SoftCapOptions<T extends tf.Tensor> {
  /** Any shape, float32. */
  input: T;
  /** The bound: above 0. */
  cap: number;
}

/**
 * `output = cap · tanh(input / cap)`, element-wise: close to the input for small values, bounded by ±cap.
 * Gemma 2 applies it to its logits (`final_logit_softcapping`; arXiv:2408.00118).
 *
 * @throws OperationError if `input` is not float32 or `cap` is not above 0
 */
export function softCap<T extends tf.Tensor>({ input, cap }: SoftCapOptions<T>): T {
  checkFloat('softCap', 'input', input);
  check('softCap', cap > 0 && Number.isFinite(cap), () => `cap must be a number above 0, got ${cap}.`);
  return tf.mul(tf.tanh(tf.div(input, cap)), cap) as T;
}
