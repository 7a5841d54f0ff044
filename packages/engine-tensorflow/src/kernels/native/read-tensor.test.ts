import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { engineMemory, fusedKernels, tf, useEngine } from '@subtext/tensor';

// Only where the kernels are compiled for these sources: `npx subtext engine install tensorflow`.
const compiled = await useEngine({ engine: 'tensorflow' }).then(
  () => fusedKernels().transformerBlock !== undefined,
  () => false,
);
const readTensor: NonNullable<ReturnType<typeof engineMemory>['read']> = (options) => engineMemory().read!(options);

let folder: string;
let file: FileHandle;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-read-tensor-'));
  file = await open(join(folder, 'numbers'), 'w+');
});
afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true });
  await useEngine({ engine: 'cpu' });
});

it.runIf(compiled)('reads beyond 4 GiB, wherever the numbers begin', async () => {
  const position = 2 ** 32 + 2 ** 31 + 3;
  // All before is a hole that takes no room.
  await file.write(Buffer.from(Float32Array.of(1, -2.5, NaN, 3).buffer), 0, 16, position);
  const tensor = await readTensor({ descriptor: file.fd, position, dtype: 'F32', shape: [2, 2] });
  expect(tensor!.shape).toEqual([2, 2]);
  expect([...tensor!.dataSync()]).toEqual([1, -2.5, NaN, 3]);
  expect([...tf.tidy(() => tf.add(tensor!, 1).dataSync())]).toEqual([2, -1.5, NaN, 4]);
  tensor!.dispose();
});

it.runIf(compiled)('gives null and keeps nothing where the numbers are not all there', async () => {
  const before = tf.memory().numTensors;
  const { size } = await file.stat();
  expect(await readTensor({ descriptor: file.fd, position: size - 12, dtype: 'F32', shape: [4] })).toBe(null);
  expect(await readTensor({ descriptor: file.fd, position: size - 12, dtype: 'BF16', shape: [7] })).toBe(null);
  expect(await readTensor({ descriptor: file.fd, position: size + 100, dtype: 'F16', shape: [1] })).toBe(null);
  // A descriptor that is none, and one that cannot be read.
  expect(await readTensor({ descriptor: 999_999, position: 0, dtype: 'F32', shape: [1] })).toBe(null);
  const writing = await open(join(folder, 'other'), 'w');
  expect(await readTensor({ descriptor: writing.fd, position: 0, dtype: 'F32', shape: [1] })).toBe(null);
  await writing.close();
  expect(tf.memory().numTensors).toBe(before);
});

it.runIf(compiled)('makes tensors without numbers and without axes', async () => {
  for (const shape of [[0], [3, 0, 2], []]) {
    const tensor = (await readTensor({ descriptor: file.fd, position: 2 ** 32 + 2 ** 31 + 3, dtype: 'F32', shape }))!;
    expect(tensor.shape).toEqual(shape);
    expect([...tensor.dataSync()]).toEqual(shape.length === 0 ? [1] : []);
    tensor.dispose();
  }
});
