import type { tf } from '../tensorflow';
import { weightDtype } from '../engines/weight-dtypes';
import { OperationError } from '../errors';

/** `[2, 3, 4]` as text, for messages. */
export function shapeText(tensor: tf.Tensor): string {
  return `[${tensor.shape.join(', ')}]`;
}

/** Throws unless `value` is a float32 tensor that has not been disposed. */
export function checkFloat(operation: string, name: string, value: tf.Tensor): void {
  checkTensor(operation, name, value);
  if (value.dtype !== 'float32') {
    throw new OperationError({
      operation,
      message: `${name} must be float32, got ${value.dtype} ${shapeText(value)}.`,
    });
  }
}

/** Throws unless `value` is an int32 tensor that has not been disposed. */
export function checkInt(operation: string, name: string, value: tf.Tensor): void {
  checkTensor(operation, name, value);
  if (value.dtype !== 'int32') {
    throw new OperationError({ operation, message: `${name} must be int32, got ${value.dtype} ${shapeText(value)}.` });
  }
}

/** Throws unless `value` has this rank. */
export function checkRank(operation: string, name: string, value: tf.Tensor, rank: number, shape: string): void {
  if (value.shape.length !== rank) {
    throw new OperationError({ operation, message: `${name} must be ${shape}, got ${shapeText(value)}.` });
  }
}

/** Throws unless `value` has exactly this shape. */
export function checkShape(
  operation: string,
  name: string,
  value: tf.Tensor,
  shape: readonly number[],
  why: string,
): void {
  if (value.shape.length !== shape.length || value.shape.some((size, axis) => size !== shape[axis])) {
    throw new OperationError({
      operation,
      message: `${name} must be [${shape.join(', ')}] (${why}), got ${shapeText(value)}.`,
    });
  }
}

/** Throws if a gradient is requested for a weight stored in fewer bits than float32, which cannot be trained. */
export function checkTrains(operation: string, weight: tf.Tensor): void {
  const dtype = weightDtype(weight);
  if (dtype === 'float32') return;
  throw new OperationError({
    operation,
    code: 'invalid-option',
    message: `a weight ${shapeText(weight)} is stored as ${dtype} and cannot train. Freeze it and train an adapter (LoRA), or load the model as float32.`,
  });
}

/** Throws the operation's error unless `condition` holds. */
export function check(operation: string, condition: boolean, message: () => string): void {
  if (!condition) {
    throw new OperationError({ operation, code: 'invalid-option', message: message() });
  }
}

function checkTensor(operation: string, name: string, value: tf.Tensor): void {
  if (value === null || typeof value !== 'object' || !Array.isArray((value as tf.Tensor).shape)) {
    throw new OperationError({
      operation,
      code: 'invalid-option',
      message: `${name} must be a tensor, got ${value === null ? 'null' : typeof value}.`,
    });
  }
  if (value.isDisposed) {
    throw new OperationError({
      operation,
      code: 'invalid-option',
      message: `${name} ${shapeText(value)} is disposed.`,
    });
  }
}
