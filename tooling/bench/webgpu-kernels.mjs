// What the webgpu engine's own kernels save against the same operations composed of TensorFlow.js's, in one run:
//   node tooling/bench/webgpu-kernels.mjs [--rounds 3] [--scale 1] [--only attention,adamW] [--json FILE]
// Counts the dispatches, and the bytes of all tensors that they read and write (each tensor once for each dispatch: what
// must move at least). Times are medians of alternating rounds, forward and backward, from the first dispatch to the
// last result; on a software GPU they say little about a real one, where dispatches and bytes decide.
// Needs a build, and the packages webgpu and @tensorflow/tfjs-backend-webgpu where Node finds them (NODE_PATH does).
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

import {
  activate,
  AdamW,
  attention,
  crossEntropy,
  embedding,
  gatedActivation,
  globalNormAsync,
  KeyValueCache,
  layerNorm,
  linear,
  Parameters,
  rmsNorm,
  rotary,
  tf,
  useEngine,
  withoutFusedKernels,
} from '@subtext/tensor';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
/** Times the number of rows or batches: 1 suits a software GPU, 16 and more a real one. */
const scale = Number(options.scale);

tuneProcess();
const { device } = await useEngine({ engine: 'webgpu' });

const backend = tf.backend();
let dispatches = 0;
let bytes = 0;
const record = backend.recordAndSubmit;
const sizeOf = ({ shape }) => 4 * shape.reduce((product, length) => product * length, 1);
backend.recordAndSubmit = function (program, output, inputs, uniforms) {
  dispatches++;
  bytes += [output, ...inputs].reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  return record.call(this, program, output, inputs, uniforms);
};

let seed = 0;
const normal = (...shape) => tf.keep(tf.tidy(() => tf.mul(tf.randomNormal(shape, 0, 1, 'float32', ++seed), 1)));
const integers = (below, ...shape) =>
  tf.keep(
    tf.tidy(() =>
      tf.mul(tf.cast(tf.randomUniform(shape, 0, below, 'float32', ++seed), 'int32'), tf.scalar(1, 'int32')),
    ),
  );

/** Gradients of an operation by all its inputs, from a gradient of its output. */
const withGradients = (inputs, compute) => {
  const outputGradient = tf.keep(tf.tidy(() => tf.mul(normal(...compute(...inputs).shape), 1)));
  return () => {
    const { value, grads } = tf.engine().gradients(() => compute(...inputs), inputs, outputGradient);
    return [value, ...grads];
  };
};

const rows = 256 * scale;
const batch = 2 * scale;
const makers = {
  attention: () => [
    'attention, causal, ' + `${batch}×64, 4 heads of 32`,
    withGradients([normal(batch, 64, 128), normal(batch, 64, 128), normal(batch, 64, 128)], (query, key, value) =>
      attention({ query, key, value, heads: 4, causal: true }),
    ),
  ],
  crossEntropy: () => {
    const labels = integers(1024, rows);
    return [
      `crossEntropy ${rows}×1024`,
      withGradients([normal(rows, 1024)], (logits) => crossEntropy({ logits, labels })),
    ];
  },
  layerNorm: () => [
    `layerNorm ${rows}×256`,
    withGradients([normal(rows, 256), normal(256), normal(256)], (input, factor, bias) =>
      layerNorm({ input, scale: factor, bias }),
    ),
  ],
  rmsNorm: () => [
    `rmsNorm ${rows}×256`,
    withGradients([normal(rows, 256), normal(256)], (input, factor) => rmsNorm({ input, scale: factor })),
  ],
  rotary: () => {
    const [cos, sin] = [normal(1, 64, 16), normal(1, 64, 16)];
    return [
      `rotary ${batch}×64, 4 heads of 32`,
      withGradients([normal(batch, 64, 128)], (input) => rotary({ input, heads: 4, cos, sin })),
    ];
  },
  gatedActivation: () => [
    `gatedActivation silu ${rows}×512`,
    withGradients([normal(rows, 512), normal(rows, 512)], (gate, up) =>
      gatedActivation({ gate, up, activation: 'silu' }),
    ),
  ],
  activate: () => [
    `activate gelu-tanh ${rows}×512`,
    withGradients([normal(rows, 512)], (input) => activate({ input, activation: 'gelu-tanh' })),
  ],
  linear: () => [
    `linear ${rows}×128 → 256, bias, gelu-tanh`,
    withGradients([normal(rows, 128), normal(256, 128), normal(256)], (input, weight, bias) =>
      linear({ input, weight, bias, activation: 'gelu-tanh' }),
    ),
  ],
  embedding: () => {
    const ids = integers(1024, rows);
    return [
      `embedding of ${rows} in 1024×128`,
      withGradients([normal(1024, 128)], (table) => embedding({ table, ids })),
    ];
  },
  adamW: () => {
    const parameters = new Parameters();
    parameters.add({ name: 'weight', value: tf.mul(normal(1024, 128), 1) });
    const optimizer = new AdamW({ parameters, learningRate: 1e-3 });
    const gradients = { weight: normal(1024, 128) };
    let step = 0;
    return [
      'AdamW 1024×128',
      () => {
        optimizer.step({ gradients, step: ++step });
        return [tf.clone(parameters.get('weight'))];
      },
    ];
  },
  globalNorm: () => {
    const gradients = Array.from({ length: 12 }, () => normal(256, 128));
    return ['globalNorm of 12 × 256×128', () => globalNormAsync(gradients)];
  },
  KeyValueCache: () => {
    const [query, key, value] = [normal(batch, 1, 128), normal(batch, 1, 128), normal(batch, 1, 128)];
    const start = normal(batch, 96, 128);
    return [
      `KeyValueCache, token 97 to 104 of ${batch} rows`,
      () => {
        const cache = new KeyValueCache({ layers: 1, batch, capacity: 128, width: 128 });
        cache.append({ layer: 0, key: start, value: start });
        const outputs = Array.from({ length: 8 }, () =>
          tf.tidy(() => attention({ query, ...cache.append({ layer: 0, key, value }), heads: 4, causal: true })),
        );
        cache.dispose();
        return outputs;
      },
    ];
  },
};

/** Dispatches, bytes and milliseconds of one call, with everything it made taken away again. */
async function measure(compute) {
  const before = [dispatches, bytes];
  const started = performance.now();
  const result = compute();
  const used = () => ({ dispatches: dispatches - before[0], bytes: bytes - before[1] });
  if (!Array.isArray(result)) {
    await result;
    return { ...used(), milliseconds: performance.now() - started };
  }
  const counts = used();
  await Promise.all(result.map((tensor) => tensor.data()));
  const milliseconds = performance.now() - started;
  tf.dispose(result);
  return { ...counts, milliseconds };
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const results = [];
console.log(
  `${device.name}; ${cpus()[0].model}; Node ${process.version}; load ${loadavg()[0].toFixed(1)}; medians of ${rounds} rounds`,
);
console.log(
  '| operation | dispatches, composed → fused | MB bound, composed → fused | ms, composed → fused |\n|---|---|---|---|',
);
for (const [key, make] of Object.entries(makers)) {
  if (options.only && !options.only.split(',').includes(key)) continue;
  const [name, compute] = make();
  const variants = { composed: () => withoutFusedKernels(compute), fused: compute };
  const times = { composed: [], fused: [] };
  const counts = {};
  for (let round = -1; round < rounds; round++) {
    for (const [variant, run] of Object.entries(variants)) {
      const { milliseconds, ...rest } = await measure(run);
      // The first round compiles.
      if (round >= 0) times[variant].push(milliseconds);
      counts[variant] = rest;
    }
  }
  const result = {
    operation: name,
    composed: { ...counts.composed, milliseconds: median(times.composed) },
    fused: { ...counts.fused, milliseconds: median(times.fused) },
  };
  results.push(result);
  const pair = (show) => `${show(result.composed)} → ${show(result.fused)}`;
  console.log(
    `| ${name} | ${pair((part) => part.dispatches)} | ${pair((part) => (part.bytes / 1e6).toFixed(2))} | ${pair((part) => part.milliseconds.toFixed(0))} |`,
  );
}
if (options.json) writeFileSync(options.json, `${JSON.stringify({ device, rounds, scale, results }, null, 2)}\n`);
process.exit(0);
