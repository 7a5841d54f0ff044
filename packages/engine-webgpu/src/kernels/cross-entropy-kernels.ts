import type { tf } from '@subtext/tensor';
import type { CrossEntropyKernel } from '@subtext/tensor';
import { elementwise } from './elementwise';
import { numberCode } from './number-code';
import { defaultWorkgroup, type RunShader } from './run-shader';

/** Cross-entropy from ids: logits are read once in the forward pass, and no probabilities are kept. */
export function crossEntropyKernel(run: RunShader): CrossEntropyKernel {
  return {
    // A running maximum and the sum of exponentials below it: Milakov & Gimelshein 2018 (arXiv:1805.02867).
    forward: ({ logits, labels, ignoreIndex }) => {
      const [rows, width] = logits.shape;
      const { losses, logSumExp } = run({
        name: 'crossEntropy',
        declarations: `${numberCode}
var<workgroup> highest: array<f32, ${defaultWorkgroup}>;
var<workgroup> sums: array<f32, ${defaultWorkgroup}>;`,
        body: `var top = -3.4e38;
  var sum = 0.0;
  let row = i32(group) * uniforms.width;
  for (var column = i32(lane); column < uniforms.width; column += ${defaultWorkgroup}) {
    let x = logits[row + column];
    let higher = max(top, x);
    sum = sum * exponential(top - higher) + exponential(x - higher);
    top = higher;
  }
  highest[lane] = top;
  sums[lane] = sum;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1; i < ${defaultWorkgroup}; i++) { top = max(top, highest[i]); }
  var total = 0.0;
  for (var i = 0; i < ${defaultWorkgroup}; i++) { total += sums[i] * exponential(highest[i] - top); }
  let result = top + logarithm(total);
  logSumExp[group] = result;
  let label = labels[group];
  if (label == uniforms.ignoreIndex) { losses[group] = 0.0; } else { losses[group] = result - logits[row + label]; }`,
        inputs: { logits, labels },
        outputs: { losses: [rows], logSumExp: [rows] },
        integers: { width, ignoreIndex },
        groups: rows,
      });
      return { losses: losses as tf.Tensor1D, kept: [logits, labels, logSumExp!] };
    },

    backward: ({ gradient, kept, ignoreIndex }) => {
      const [logits, labels, logSumExp] = kept as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
      const size = elementwise(
        logits.size,
        `let row = i / uniforms.width;
  let label = labels[row];
  if (label == uniforms.ignoreIndex) { toLogits[i] = 0.0; return; }
  let target_ = select(0.0, 1.0, i - row * uniforms.width == label);
  toLogits[i] = (exponential(logits[i] - logSumExp[row]) - target_) * gradient[row];`,
      );
      return run({
        name: 'crossEntropyGradient',
        declarations: numberCode,
        inputs: { gradient, logits, labels, logSumExp },
        outputs: { toLogits: logits.shape },
        ...size,
        integers: { ...size.integers, width: logits.shape[1], ignoreIndex },
      }).toLogits as tf.Tensor2D;
    },
  };
}
