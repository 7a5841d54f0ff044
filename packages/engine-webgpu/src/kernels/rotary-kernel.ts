import type { tf } from '@subtext/tensor';
import type { RotaryKernel, RotaryKernelOptions } from '@subtext/tensor';
import { elementwise } from './elementwise';
import type { RunShader } from './run-shader';

/** Rotary embedding: a thread for each pair of numbers that turn together. */
export function rotaryKernel(run: RunShader): RotaryKernel {
  const turn = ({ input, heads, cos, sin }: RotaryKernelOptions, sign: 1 | -1) => {
    const [batch, time, width] = input.shape;
    const half = width / heads / 2;
    const size = elementwise(
      input.size / 2,
      `let pair = i % uniforms.half;
  let head = i / uniforms.half;
  let place = head / uniforms.heads % uniforms.anglePlaces;
  let at = head * 2 * uniforms.half + pair;
  let c = cos_[place * uniforms.half + pair];
  let s = uniforms.sign * sin_[place * uniforms.half + pair];
  let x = input[at];
  let y = input[at + uniforms.half];
  output[at] = x * c - y * s;
  output[at + uniforms.half] = y * c + x * s;`,
    );
    return run({
      name: 'rotary',
      inputs: { input, cos_: cos, sin_: sin },
      outputs: { output: [batch, time, width] },
      ...size,
      // Angles for each place of the batch, or the same for every row of it.
      integers: { ...size.integers, half, heads, anglePlaces: cos.shape[0] * time },
      floats: { sign },
    }).output as tf.Tensor3D;
  };
  return { forward: (options) => turn(options, 1), backward: (options) => turn(options, -1) };
}
