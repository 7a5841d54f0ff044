import { tf } from '../tensorflow';
import { RandomStream } from '@subtext/core';

/** An input of a case, rounded to float32 so that reference and engine start from the same numbers. */
export interface ParityInput {
  shape: number[];
  dtype: 'float32' | 'int32';
  values: Float64Array;
  /** Whether its gradient is checked. */
  differentiable: boolean;
}

/** One operation on one set of inputs, with an independent reference. */
export interface ParityCase {
  /** Unique name that starts with the operation. */
  name: string;
  inputs: Record<string, ParityInput>;
  run: (tensors: Record<string, tf.Tensor>) => tf.Tensor;
  /** Float64 reference in plain loops, for values and, by finite differences, for gradients. */
  reference: (inputs: Record<string, Float64Array>) => Float64Array;
}

/** Generates inputs from one seeded stream per case: the same on every engine and machine. */
export class InputMaker {
  readonly #random: RandomStream;

  constructor(seed: number) {
    this.#random = new RandomStream({ seed });
  }

  /** Normal numbers, differentiable. */
  float(shape: number[], { mean = 0, deviation = 1, differentiable = true } = {}): ParityInput {
    return this.given(
      shape,
      Array.from({ length: size(shape) }, () => mean + deviation * this.#random.normal()),
      { differentiable },
    );
  }

  /** These float32 values. */
  given(shape: number[], values: ArrayLike<number>, { differentiable = true } = {}): ParityInput {
    return { shape, dtype: 'float32', values: Float64Array.from(Float32Array.from(values)), differentiable };
  }

  /** Integers in `minimum … maximum`. */
  integer(shape: number[], minimum: number, maximum: number): ParityInput {
    return this.integers(
      shape,
      Array.from({ length: size(shape) }, () => minimum + this.#random.integer(maximum - minimum + 1)),
    );
  }

  /** These int32 values. */
  integers(shape: number[], values: ArrayLike<number>): ParityInput {
    return { shape, dtype: 'int32', values: Float64Array.from(values), differentiable: false };
  }

  uniform(): number {
    return this.#random.uniform();
  }
}

/** Number of elements of a shape. */
export function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** An input as a tensor on the engine in use. */
export function toTensor({ shape, dtype, values }: ParityInput): tf.Tensor {
  return tf.tensor(dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values), shape, dtype);
}

export type Tensors = Record<string, tf.Tensor>;
