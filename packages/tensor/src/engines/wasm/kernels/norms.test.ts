import { describe, it } from 'vitest';
import { layerNormReference, rmsNormReference } from '../../../parity/reference';
import { Arena, expectClose, presentVariants } from './testing/arena';
import { expectGradients } from './testing/directional-derivative';

const shapes = [0, 1, 3, 17, 65, 130].flatMap((rows) => [1, 3, 4, 7, 8, 33, 65].map((width) => ({ rows, width })));
const epsilon = Math.fround(1e-5);

describe.each(presentVariants)('norms, %s', async (variant) => {
  const arena = await Arena.create(variant);

  it('layer norm, forward and backward', () => {
    for (const { rows, width } of shapes) {
      arena.reset();
      const input = arena.floats(Array.from({ length: rows * width }, () => 3 + arena.random.normal()));
      const [scale, bias] = [arena.normal(width), arena.normal(width)];
      const [output, mean, inverseDeviation] = [arena.empty(rows * width), arena.empty(rows), arena.empty(rows)];
      arena.kernels.layerNormForward(
        rows,
        width,
        epsilon,
        input.address,
        scale.address,
        bias.address,
        output.address,
        mean.address,
        inverseDeviation.address,
      );
      const inputs = { input: input.read(), scale: scale.read(), bias: bias.read() };
      const reference = (given: Record<string, Float64Array>) =>
        layerNormReference({ input: given.input!, scale: given.scale!, bias: given.bias!, epsilon });
      // One number a row has no deviation: its output is the bias.
      expectClose(output.read(), reference(inputs), width === 1 ? 1e-6 : 2e-5, `layer norm ${rows} × ${width}`);
      const gradient = arena.normal(rows * width);
      const [inputGradient, scaleGradient, biasGradient] = [
        arena.empty(rows * width),
        arena.empty(width),
        arena.empty(width),
      ];
      arena.kernels.layerNormBackward(
        rows,
        width,
        gradient.address,
        input.address,
        scale.address,
        mean.address,
        inverseDeviation.address,
        inputGradient.address,
        scaleGradient.address,
        biasGradient.address,
        arena.scratch(width * 8),
      );
      if (width > 1) {
        expectGradients({
          reference,
          inputs,
          weights: gradient.read(),
          random: arena.random,
          tolerance: 1e-4,
          gradients: { input: inputGradient.read(), scale: scaleGradient.read(), bias: biasGradient.read() },
        });
      }
      arena.check();
    }
  });

  it('RMS norm, forward and backward', () => {
    for (const { rows, width } of shapes) {
      arena.reset();
      const [input, scale] = [arena.normal(rows * width), arena.normal(width)];
      const [output, inverseDeviation] = [arena.empty(rows * width), arena.empty(rows)];
      arena.kernels.rmsNormForward(
        rows,
        width,
        epsilon,
        input.address,
        scale.address,
        output.address,
        inverseDeviation.address,
      );
      const inputs = { input: input.read(), scale: scale.read() };
      const reference = (given: Record<string, Float64Array>) =>
        rmsNormReference({ input: given.input!, scale: given.scale!, epsilon });
      expectClose(output.read(), reference(inputs), 3e-6, `RMS norm ${rows} × ${width}`);
      const gradient = arena.normal(rows * width);
      const [inputGradient, scaleGradient] = [arena.empty(rows * width), arena.empty(width)];
      arena.kernels.rmsNormBackward(
        rows,
        width,
        gradient.address,
        input.address,
        scale.address,
        inverseDeviation.address,
        inputGradient.address,
        scaleGradient.address,
        arena.scratch(width * 4),
      );
      if (width > 1) {
        expectGradients({
          reference,
          inputs,
          weights: gradient.read(),
          random: arena.random,
          gradients: { input: inputGradient.read(), scale: scaleGradient.read() },
        });
      }
      arena.check();
    }
  });
});
