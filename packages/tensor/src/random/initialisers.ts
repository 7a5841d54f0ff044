import { tf } from '../tensorflow';
import type { RandomStream } from '@subtext/core';

export interface NormalOptions {
  shape: number[];
  random: RandomStream;
  /** @default 0 */
  mean?: number;
  /** @default 1 */
  standardDeviation?: number;
}

/** A float32 tensor of normal random numbers; the same stream state gives the same values on every engine. */
export function normal({ shape, random, mean = 0, standardDeviation = 1 }: NormalOptions): tf.Tensor {
  return fill(shape, () => mean + standardDeviation * random.normal());
}

export interface UniformOptions {
  shape: number[];
  random: RandomStream;
  /** @default 0 */
  minimum?: number;
  /** @default 1 */
  maximum?: number;
}

/** A float32 tensor of uniform random numbers in `[minimum, maximum)`; the same stream state gives the same values on every engine. */
export function uniform({ shape, random, minimum = 0, maximum = 1 }: UniformOptions): tf.Tensor {
  return fill(shape, () => minimum + (maximum - minimum) * random.uniform());
}

function fill(shape: number[], draw: () => number): tf.Tensor {
  const values = new Float32Array(shape.reduce((size, length) => size * length, 1));
  for (let index = 0; index < values.length; index++) {
    values[index] = draw();
  }
  return tf.tensor(values, shape, 'float32');
}
