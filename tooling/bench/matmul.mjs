/**
 * Matrix products of the wasm engine, one thread, against TensorFlow.js's wasm backend as shipped (XNNPACK for one
 * untransposed pair, a naive loop for the rest), interleaved in one run. Prints JSON.
 *
 *   pnpm --filter @subtext/tensor build && node tooling/bench/matmul.mjs [--seconds 0.5] [--size 512]
 *
 * Each figure is the best of many short samples, in processor time: what one core does, whatever else the machine runs.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-wasm';
import { tf, useEngine } from '@subtext/tensor';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0.5' },
    size: { type: 'string', default: '512' },
  },
});
const seconds = Number(options.seconds);
const n = Number(options.size);
if (!(seconds > 0) || !Number.isInteger(n) || n < 1) {
  console.error(
    'matmul: --seconds must be a positive number and --size a positive integer, for example --seconds 0.5 --size 512.',
  );
  process.exit(1);
}

// Before the engine puts its own in place.
const shipped = tf.getKernel('BatchMatMul', 'wasm').kernelFunc;
tuneProcess();
await useEngine({ engine: 'wasm' });
const ours = tf.getKernel('BatchMatMul', 'wasm').kernelFunc;
const backend = tf.backend();

const random = (shape) => tf.randomNormal(shape, 0, 1, 'float32', 1);

/** Milliseconds of processor time of this process so far. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Samples shorter than this are lost in the resolution of processor time. */
const sampleMilliseconds = 5;

/** Best GFLOP/s of each kernel, sampled in turns. */
function measure({ rows, columns, depth, batch = 1, transposeA = false, transposeB = false }, kernels) {
  const withBatch = (shape) => (batch > 1 ? [batch, ...shape] : shape);
  const a = random(withBatch(transposeA ? [depth, rows] : [rows, depth]));
  const b = random(withBatch(transposeB ? [columns, depth] : [depth, columns]));
  const operations = 2 * rows * columns * depth * batch;
  const multiply = (kernel) => {
    const output = kernel({ inputs: { a, b }, attrs: { transposeA, transposeB }, backend });
    backend.disposeData(output.dataId);
  };
  const best = kernels.map(() => Infinity);
  const repeats = kernels.map((kernel) => {
    // V8 compiles WebAssembly a second time, faster, once it has run for a while.
    const warm = performance.now() + 200;
    let last;
    do {
      const start = processorTime();
      multiply(kernel);
      last = processorTime() - start;
    } while (performance.now() < warm);
    return Math.max(1, Math.ceil(sampleMilliseconds / Math.max(0.01, last)));
  });
  // Each kernel has its own time, so that a slow one takes no samples from a fast one.
  const spent = kernels.map(() => 0);
  while (spent.some((milliseconds) => milliseconds < seconds * 1000)) {
    kernels.forEach((kernel, index) => {
      if (spent[index] >= seconds * 1000) return;
      const start = processorTime();
      for (let i = 0; i < repeats[index]; i++) multiply(kernel);
      const took = processorTime() - start;
      spent[index] += took;
      best[index] = Math.min(best[index], took / repeats[index]);
    });
  }
  tf.dispose([a, b]);
  return best.map((milliseconds) => operations / milliseconds / 1e6);
}

const round = (value) => Number(value.toFixed(2));

/** One line of the result: ours, the same call as shipped, and ours against XNNPACK's kernel for the size. */
function line(name, product, xnnpack) {
  const [own, asShipped] = measure(product, [ours, shipped]);
  return {
    name,
    ...product,
    gflops: round(own),
    shippedGflops: round(asShipped),
    speedup: round(own / asShipped),
    ...(xnnpack ? { ratioToXnnpack: round(own / xnnpack) } : {}),
  };
}

const square = { rows: n, columns: n, depth: n };
// Several rounds, so that the best of XNNPACK is measured in as many moments as ours.
const [, xnnpack] = measure(square, [ours, shipped]);
const skinny = [
  ['linear layer, 2048 rows', { rows: 2048, columns: 256, depth: 64, transposeB: true }],
  ['its input gradient', { rows: 2048, columns: 64, depth: 256 }],
  ['its weight gradient', { rows: 256, columns: 64, depth: 2048, transposeA: true }],
  ['linear layer, 256 rows', { rows: 256, columns: 512, depth: 128, transposeB: true }],
  ['scores of heads', { rows: 128, columns: 128, depth: 32, batch: 64, transposeB: true }],
  ['values of heads', { rows: 128, columns: 32, depth: 128, batch: 64 }],
  ['generation, 1 row', { rows: 1, columns: 512, depth: 512, transposeB: true }],
  ['generation, 8 rows', { rows: 8, columns: 512, depth: 128, transposeB: true }],
  ['generation, 32 rows', { rows: 32, columns: 512, depth: 128, transposeB: true }],
  ['generation, 1 row, in-out weights', { rows: 1, columns: 512, depth: 512 }],
];
const report = {
  benchmark: 'matmul',
  processor: os.cpus()[0]?.model.trim(),
  node: process.versions.node,
  xnnpackGflops: round(xnnpack),
  square: [
    line('NN', square, xnnpack),
    line('NT', { ...square, transposeB: true }, xnnpack),
    line('TN', { ...square, transposeA: true }, xnnpack),
    line('TT', { ...square, transposeA: true, transposeB: true }, xnnpack),
    line('NN, batch of 4', { ...square, batch: 4 }, xnnpack),
  ],
  skinny: skinny.map(([name, product]) => line(name, product)),
};
console.log(JSON.stringify(report, null, 2));
process.exit(0);
