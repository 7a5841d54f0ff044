import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@subtext/safetensors';
import { tf } from '@subtext/tensor';

/** The folder of this package's fixtures. */
export const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** A tensor that transformers computed. */
export interface Recorded {
  shape: number[];
  values: Float32Array;
}

/** Reads golden.safetensors of a fixture folder; integers become float32 numbers. */
export async function readRecorded(folder: string): Promise<(name: string) => Recorded> {
  const file = await openSafetensors({ path: `${folder}/golden.safetensors` });
  const entries = new Map<string, Recorded>();
  for (const name of file.names) {
    const { shape, dtype, data } = await file.read(name);
    entries.set(name, {
      shape: [...shape],
      values: dtype === 'I64' ? Float32Array.from(data as BigInt64Array, Number) : (data as Float32Array),
    });
  }
  await file.close();
  return (name) => {
    const entry = entries.get(name);
    if (entry === undefined)
      throw new Error(`${folder}/golden.safetensors has no ${name}; it has ${[...entries.keys()].join(', ')}.`);
    return entry;
  };
}

/** A recorded matrix of integers as a tensor. */
export function integers({ shape, values }: Recorded): tf.Tensor2D {
  return tf.tensor2d(Int32Array.from(values), shape as [number, number], 'int32');
}

/** The rows of a recorded matrix. */
export function rowsOf({ shape, values }: Recorded): number[][] {
  const [rows, columns] = shape as [number, number];
  return Array.from({ length: rows }, (_, row) => [...values.slice(row * columns, (row + 1) * columns)]);
}

/** The largest difference, over the elements that `counts` lets count; NaN where either holds one. */
export function largestDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  counts: (index: number) => boolean = () => true,
): number {
  if (actual.length !== expected.length)
    throw new Error(`${actual.length} values are held against ${expected.length}.`);
  let largest = 0;
  for (let index = 0; index < actual.length; index++) {
    if (!counts(index)) continue;
    const difference = Math.abs((actual[index] as number) - (expected[index] as number));
    if (Number.isNaN(difference)) return NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}
