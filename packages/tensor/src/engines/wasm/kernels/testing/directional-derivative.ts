import { expect } from 'vitest';
import type { RandomStream } from '@subtext/core';

type Inputs = Record<string, Float64Array>;

/**
 * Checks gradients against finite differences of a float64 reference: for each input and some random directions d,
 * `gradient · d = (L(x + εd) − L(x − εd)) / 2ε` with L = Σ weights · reference(x).
 */
export function expectGradients({
  reference,
  inputs,
  weights,
  gradients,
  random,
  tolerance = 2e-5,
}: {
  reference: (inputs: Inputs) => Float64Array;
  inputs: Inputs;
  /** Upstream gradient, per element of the output. */
  weights: Float64Array;
  /** Gradients by input name; inputs without one are not checked. */
  gradients: Inputs;
  random: RandomStream;
  /** Relative to Σ |gradient · d|. @default 2e-5 */
  tolerance?: number;
}): void {
  const loss = (changed: Inputs) =>
    reference({ ...inputs, ...changed }).reduce((sum, value, index) => sum + value * weights[index]!, 0);
  const epsilon = 1e-5;
  for (const [name, gradient] of Object.entries(gradients)) {
    const x = inputs[name]!;
    expect(gradient.length, name).toBe(x.length);
    for (let trial = 0; trial < 4; trial++) {
      const direction = x.map(() => random.normal());
      const moved = (step: number) => x.map((value, index) => value + step * direction[index]!);
      const expected = (loss({ [name]: moved(epsilon) }) - loss({ [name]: moved(-epsilon) })) / (2 * epsilon);
      const actual = gradient.reduce((sum, value, index) => sum + value * direction[index]!, 0);
      const size = gradient.reduce((sum, value, index) => sum + Math.abs(value * direction[index]!), 0);
      expect(
        Math.abs(actual - expected),
        `gradient by ${name}: ${actual}, by differences ${expected}`,
      ).toBeLessThanOrEqual(tolerance * (size + 1e-3));
    }
  }
}
