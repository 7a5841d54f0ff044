import { loadTensorflowPackage, type LoadedTensorflow } from '../load-tensorflow-package';
import { requireOnTensorflow, tensorflowInUse } from '@subtext/tensor/engine';
import { runCommand } from '@subtext/native-kernels';

/**
 * Loads a tfjs-node package in a process of its own and computes a matrix product and the products of its gradient with it: whatever a
 * broken library does, it does there.
 *
 * @throws CommandError, or Error if the numbers are wrong.
 */
export async function verifyTensorflow({
  packageFolder,
  signal,
}: {
  packageFolder: string;
  signal?: AbortSignal;
}): Promise<LoadedTensorflow> {
  const inUse = await tensorflowInUse();
  const program = `
    const requireOnTensorflow = ${requireOnTensorflow.toString()};
    const load = ${loadTensorflowPackage.toString()};
    const loaded = load(requireOnTensorflow, require, ${JSON.stringify(packageFolder)}, ${JSON.stringify(inUse)});
    const tf = require(${JSON.stringify(inUse.core)});
    const product = Array.from(tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]).dataSync());
    const x = tf.tensor2d([[1, 2], [3, 4]]);
    const ones = tf.ones([2, 2]);
    const gradient = Array.from(tf.add(tf.matMul(ones, x, false, true), tf.matMul(x, ones, true, false)).dataSync());
    console.log(JSON.stringify({ ...loaded, backend: tf.getBackend(), product, gradient }));
  `;
  const output = await runCommand({
    command: process.execPath,
    args: ['-e', program],
    folder: packageFolder,
    timeoutMilliseconds: 120_000,
    signal,
  });
  const { version, gpu, backend, product, gradient } = JSON.parse(
    output.trim().split('\n').at(-1)!,
  ) as LoadedTensorflow & { backend: string; product: number[]; gradient: number[] };
  const expected = { backend: 'tensorflow', product: [19, 22, 43, 50], gradient: [7, 11, 9, 13] };
  if (JSON.stringify({ backend, product, gradient }) !== JSON.stringify(expected)) {
    throw new Error(
      `The installation computes wrong numbers: ${JSON.stringify({ backend, product, gradient })} instead of ${JSON.stringify(expected)}.`,
    );
  }
  return { version, gpu };
}

/**
 * Loads compiled kernels onto a tfjs-node package in a process of its own and runs one of them.
 *
 * @throws CommandError, or Error if the numbers are wrong.
 */
export async function verifyKernels({
  packageFolder,
  kernelsFile,
  signal,
}: {
  packageFolder: string;
  kernelsFile: string;
  signal?: AbortSignal;
}): Promise<void> {
  const inUse = await tensorflowInUse();
  const program = `
    const requireOnTensorflow = ${requireOnTensorflow.toString()};
    const load = ${loadTensorflowPackage.toString()};
    load(requireOnTensorflow, require, ${JSON.stringify(packageFolder)}, ${JSON.stringify(inUse)});
    require(${JSON.stringify(kernelsFile)});
    const tf = require(${JSON.stringify(inUse.core)});
    const sums = tf.backend().executeSingleOutput('SubtextSumRows', [], [tf.tensor2d([[1, 2], [3, 4], [5, 6]])]);
    console.log(JSON.stringify(Array.from(sums.dataSync())));
  `;
  const output = await runCommand({
    command: process.execPath,
    args: ['-e', program],
    folder: packageFolder,
    timeoutMilliseconds: 120_000,
    signal,
  });
  if (output.trim().split('\n').at(-1) !== '[9,12]') {
    throw new Error(`The kernels compute wrong numbers: ${output.trim()} instead of [9,12].`);
  }
}
