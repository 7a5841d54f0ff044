import type { tf } from '../tensorflow';
import { check, checkFloat, checkShape, shapeText } from './check';

/** Checks shared by layer norm and RMS norm; returns rows and width of the input. */
export function checkNorm({
  operation,
  input,
  scale,
  epsilon,
  name = 'scale',
}: {
  operation: string;
  input: tf.Tensor;
  scale: tf.Tensor1D;
  epsilon: number;
  name?: string;
}): { rows: number; width: number } {
  checkFloat(operation, 'input', input);
  checkFloat(operation, name, scale);
  const width = input.shape[input.shape.length - 1] ?? 0;
  check(operation, width > 0, () => `input must be [..., width], got ${shapeText(input)}.`);
  checkShape(operation, name, scale, [width], `the last axis of input ${shapeText(input)}`);
  check(operation, epsilon >= 0, () => `epsilon must not be negative, got ${epsilon}.`);
  return { rows: input.size / width, width };
}
