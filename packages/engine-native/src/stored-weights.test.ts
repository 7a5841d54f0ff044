import { open, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { embedding, engineMemory, linear, tf, useEngine, weightDtype, type WeightDtype } from '@subtext/tensor';
import { nativeEngine } from './engine';

const present = (await nativeEngine.installed()) !== null;
const dtypes = ['bf16', 'int8', 'int4'] as const;

const random = (shape: [number, number], seed: number) => tf.randomNormal<tf.Rank.R2>(shape, 0, 1, 'float32', seed);

function store(values: tf.Tensor2D, dtype: Exclude<WeightDtype, 'float32' | 'f16'>): tf.Tensor2D {
  const made = engineMemory().storeWeight!({ dtype, shape: values.shape });
  try {
    made.write({ from: 0, values: values.dataSync() as Float32Array });
    return made.tensor();
  } finally {
    made.dispose();
  }
}
/** The numbers that a stored weight stands for, as an ordinary tensor. */
const widened = (weight: tf.Tensor2D) => tf.tensor2d(weight.dataSync() as Float32Array, weight.shape);

/** The largest difference over the largest magnitude. */
function apart(one: tf.Tensor, other: tf.Tensor): number {
  const [first, second] = [one.dataSync(), other.dataSync()];
  expect(first.length).toBe(second.length);
  let [difference, largest] = [0, 0];
  for (let index = 0; index < first.length; index++) {
    difference = Math.max(difference, Math.abs(first[index]! - second[index]!));
    largest = Math.max(largest, Math.abs(second[index]!));
  }
  return difference / largest;
}

describe.skipIf(!present)('weights in fewer bits', () => {
  let before = 0;
  beforeAll(async () => void (await useEngine({ engine: 'native' })));
  beforeEach(() => void (before = tf.memory().numTensors));
  afterEach(() => expect(tf.memory().numTensors).toBe(before));

  it.each(dtypes)('%s: each number is the nearest that it holds', (dtype) => {
    tf.tidy(() => {
      const values = random([9, 131], 1);
      const weight = store(values, dtype);
      expect(weightDtype(weight)).toBe(dtype);
      const [asked, got] = [values.dataSync(), weight.dataSync()];
      const largest = (from: number, to: number) => Math.max(...[...asked.subarray(from, to)].map(Math.abs));
      for (let row = 0; row < 9; row++) {
        for (let column = 0; column < 131; column++) {
          const at = row * 131 + column;
          // Half of the widest step between neighbours: of bfloat16's 8 bits, of 127 steps, of NF4's.
          const block = row * 131 + Math.floor(column / 64) * 64;
          const most =
            dtype === 'bf16'
              ? Math.abs(asked[at]!) * 2 ** -8
              : dtype === 'int8'
                ? (largest(row * 131, row * 131 + 131) / 127 / 2) * 1.0001
                : largest(block, Math.min(block + 64, (row + 1) * 131)) * 0.1521;
          expect(Math.abs(got[at]! - asked[at]!)).toBeLessThanOrEqual(most);
        }
      }
    });
  });

  it('int4: holds zero, the largest and its opposite exactly', () => {
    tf.tidy(() => {
      const values = Float32Array.from({ length: 70 }, (_, index) => [0, 3, -3, 1e-3][index % 4]!);
      const weight = store(tf.tensor2d(values, [1, 70]), 'int4');
      expect([...weight.dataSync()].every((value, index) => value === [0, 3, -3, 0][index % 4])).toBe(true);
      expect([...store(tf.zeros([2, 3]), 'int4').dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
    });
  });

  // Few rows and many, blocks cut short, both layouts, parts of sums: every way that a product takes.
  const shapes = [
    [1, 64, 96],
    [1, 1056, 300],
    [3, 70, 33],
    [7, 129, 1],
    [16, 65, 65],
    [40, 200, 130],
    [300, 530, 270],
  ] as const;
  describe.each(dtypes)('%s', (dtype) => {
    it.each(shapes)('multiplies as the widened weight does: %i × %i → %i', (rows, inputs, outputs) => {
      tf.tidy(() => {
        const input = random([rows, inputs], 2);
        const gradient = random([rows, outputs], 3);
        for (const layout of ['out-in', 'in-out'] as const) {
          const weight = store(random(layout === 'out-in' ? [outputs, inputs] : [inputs, outputs], 4), dtype);
          const wide = widened(weight);
          const of = (used: tf.Tensor2D) => {
            const run = (x: tf.Tensor2D) => linear({ input: x, weight: used, layout, activation: 'gelu' });
            return [run(input), tf.grad(run as (x: tf.Tensor) => tf.Tensor)(input, gradient)] as const;
          };
          const [output, back] = of(weight);
          const [wideOutput, wideBack] = of(wide);
          expect(apart(output, wideOutput)).toBeLessThan(1e-6);
          expect(apart(back, wideBack)).toBeLessThan(1e-6);
          // And it is the product that it should be, by TensorFlow.js's own.
          expect(
            apart(linear({ input, weight, layout }), tf.matMul(input, wide, false, layout === 'out-in')),
          ).toBeLessThan(1e-5);
          expect(weightDtype(weight)).toBe(dtype);
        }
      });
    });

    it('looks rows up', () => {
      tf.tidy(() => {
        const table = store(random([11, 67], 5), dtype);
        const ids = tf.tensor2d(
          [
            [10, 0],
            [3, 3],
          ],
          [2, 2],
          'int32',
        );
        expect(apart(embedding({ table, ids }), tf.gather(widened(table), ids))).toBe(0);
        expect(() => embedding({ table, ids: tf.tensor1d([11], 'int32') })).toThrow(/The id 11/);
      });
    });

    it('has gradients of the input that finite differences give', () => {
      tf.tidy(() => {
        const weight = store(random([5, 67], 6), dtype);
        const input = random([2, 67], 7);
        const value = (x: tf.Tensor2D) => tf.sum(tf.square(linear({ input: x, weight })));
        const gradient = tf
          .grad(value as (x: tf.Tensor) => tf.Tensor)(input)
          .dataSync();
        const at = 70;
        const moved = (by: number) => {
          const values = input.dataSync().slice();
          values[at]! += by;
          return value(tf.tensor2d(values as Float32Array, input.shape)).dataSync()[0]!;
        };
        const slope = (moved(0.05) - moved(-0.05)) / 0.1;
        expect(Math.abs(gradient[at]! / slope - 1)).toBeLessThan(1e-2);
      });
    });

    it('passes on an input that is no number, in its row alone', () => {
      tf.tidy(() => {
        const weight = store(random([20, 70], 8), dtype);
        const values = random([3, 70], 9).dataSync().slice();
        values[75] = NaN;
        const output = linear({ input: tf.tensor2d(values as Float32Array, [3, 70]), weight }).dataSync();
        expect([...output].map(Number.isNaN)).toEqual(Array.from({ length: 60 }, (_, at) => at >= 20 && at < 40));
      });
    });
  });

  it('have no gradient of their own, and say so', () => {
    tf.tidy(() => {
      const weight = store(random([4, 8], 1), 'int4');
      const input = random([2, 8], 2);
      expect(() => tf.grad((x) => tf.sum(linear({ input, weight: x as tf.Tensor2D })))(weight)).toThrow(
        /stored as int4 and cannot train\. Freeze it and train an adapter/,
      );
      const ids = tf.tensor1d([1], 'int32');
      expect(() => tf.grad((x) => tf.sum(embedding({ table: x as tf.Tensor2D, ids })))(weight)).toThrow(/cannot train/);
    });
    // TensorFlow.js keeps what its tape has saved where a gradient throws.
    before = tf.memory().numTensors;
  });

  it('become ordinary tensors for whatever else computes with them, on this engine and another', async () => {
    const weight = tf.tidy(() => store(random([3, 70], 1), 'int8'));
    const values = [...weight.dataSync()];
    const shape = tf.reshape(weight, [210]);
    expect(weightDtype(shape)).toBe('int8');
    expect([...tf.tidy(() => tf.add(weight, tf.zerosLike(weight)).dataSync())]).toEqual(values);
    expect(weightDtype(weight)).toBe('float32');
    expect([...shape.dataSync()]).toEqual(values);
    const second = tf.tidy(() => store(tf.tensor2d(Float32Array.from(values), [3, 70]), 'int8'));
    const held = [...second.dataSync()];
    await useEngine({ engine: 'wasm' });
    expect([...tf.tidy(() => tf.mul(second, 1).dataSync())]).toEqual(held);
    await useEngine({ engine: 'native' });
    tf.dispose([weight, shape, second]);
  });

  it('refuse numbers that 8 and 4 bits have no place for, and rows that are not there', () => {
    for (const dtype of ['int8', 'int4'] as const) {
      for (const bad of [NaN, Infinity]) {
        tf.tidy(() => {
          const values = tf.tensor2d([1, 2, bad, 4], [2, 2]);
          expect(() => store(values, dtype)).toThrow(/not finite, which int[84] has no place for\. Load it as bf16/);
        });
      }
    }
    const made = engineMemory().storeWeight!({ dtype: 'int8', shape: [2, 3] });
    expect(() => made.write({ from: 1, values: new Float32Array(6) })).toThrow(/no rows from 1 on/);
    made.dispose();
    expect(tf.tidy(() => store(tf.tensor2d([NaN, -Infinity, 1, 2], [2, 2]), 'bf16').dataSync()[0])).toBeNaN();
  });

  it('give their memory back: a thousand of a megabyte', () => {
    const values = tf.ones<tf.Rank.R2>([512, 512]);
    const resident = () => process.memoryUsage().rss / 2 ** 20;
    const make = () => store(values, 'bf16').dispose();
    for (let round = 0; round < 20; round++) make();
    const start = resident();
    for (let round = 0; round < 1000; round++) make();
    expect(resident() - start).toBeLessThan(100);
    values.dispose();
  });

  it('give the same bytes with any number of threads', () => {
    const program = `
      import { engineMemory, linear, tf, useEngine } from '@subtext/tensor';
      import { createHash } from 'node:crypto';
      const { device } = await useEngine({ engine: 'native' });
      const hash = createHash('sha256');
      for (const [rows, dtype] of [[1, 'int4'], [600, 'int4'], [1, 'int8'], [600, 'bf16']]) {
        const store = engineMemory().storeWeight({ dtype, shape: [700, 520] });
        store.write({ from: 0, values: tf.randomNormal([700, 520], 0, 1, 'float32', 1).dataSync() });
        const weight = store.tensor();
        const run = (x) => linear({ input: x, weight, activation: 'gelu' });
        const input = tf.randomNormal([rows, 520], 0, 1, 'float32', 2);
        for (const tensor of [weight, run(input), tf.grad(run)(input)]) hash.update(new Uint8Array(tensor.dataSync().buffer));
      }
      console.log(JSON.stringify([device.name.split(', ').at(-1), hash.digest('hex')]));
    `;
    const runs = ['1', '2', '5'].map((threads) => {
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd: join(import.meta.dirname, '..'),
        encoding: 'utf8',
        env: { ...process.env, SUBTEXT_THREADS: threads },
      });
      return JSON.parse(stdout || JSON.stringify(stderr)) as [string, string];
    });
    expect(runs.map(([threads]) => threads)).toEqual(['1 thread', '2 threads', '5 threads']);
    expect(new Set(runs.map(([, hash]) => hash)).size).toBe(1);
  });

  describe('from a file', () => {
    let folder = '';
    beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'subtext-weights-'))));
    afterEach(async () => rm(folder, { recursive: true }));

    it('are taken as they are or rounded, and a file that ends before is refused', async () => {
      const file = join(folder, 'numbers');
      // bfloat16: 0, 1, -2, infinity, half of the smallest number of float32's, 3.
      await writeFile(file, new Uint8Array(Uint16Array.of(0, 0x3f80, 0xc000, 0x7f80, 0x0040, 0x4040).buffer));
      const handle = await open(file);
      const read = (dtype: 'bf16' | 'f16' | 'int8', count: number, stored: 'BF16' | 'F16' | 'F32') => {
        const made = engineMemory().storeWeight!({ dtype, shape: [2, 3] });
        const done = made.read({ from: 0, count, descriptor: handle.fd, position: 0, dtype: stored });
        const values = done ? tf.tidy(() => [...made.tensor().dataSync()]) : null;
        made.dispose();
        return values;
      };
      expect(read('bf16', 2, 'BF16')).toEqual([0, 1, -2, Infinity, 2 ** -127, 3]);
      expect(() => read('int8', 2, 'BF16')).toThrow(/not finite/);
      // The same bits in half precision, and what it does not take.
      expect(read('f16', 2, 'F16')![1]).toBe(1.875);
      expect(read('f16', 2, 'BF16')).toBeNull();
      expect(read('bf16', 2, 'F32')).toBeNull();
      await truncate(file, 10);
      expect(read('bf16', 2, 'BF16')).toBeNull();
      expect(read('int8', 2, 'F16')).toBeNull();
      await handle.close();
    });

    it('f16 is widened exactly, all of its numbers', async () => {
      const file = join(folder, 'halves');
      await writeFile(file, new Uint8Array(Uint16Array.from({ length: 2 ** 16 }, (_, index) => index).buffer));
      const handle = await open(file);
      const options = { descriptor: handle.fd, position: 0, dtype: 'F16' } as const;
      const made = engineMemory().storeWeight!({ dtype: 'f16', shape: [256, 256] });
      expect(made.read({ from: 0, count: 256, ...options })).toBe(true);
      const [weight, plain] = [made.tensor(), (await engineMemory().read!({ ...options, shape: [256, 256] }))!];
      expect([...weight.dataSync()]).toEqual([...plain.dataSync()]);
      tf.dispose([weight, plain]);
      await handle.close();
    });
  });
});
