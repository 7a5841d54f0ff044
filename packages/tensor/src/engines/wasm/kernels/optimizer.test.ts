import { describe, expect, it } from 'vitest';
import { Arena, expectClose, presentVariants } from './testing/arena';

const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, gradientScale: 0.5 };

describe.each(presentVariants)('AdamW, %s', async (variant) => {
  const arena = await Arena.create(variant);

  function step(count: number, addresses: [number, number, number, number], t: number): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, gradientScale } = options;
    arena.kernels.adamW(
      count,
      ...addresses,
      gradientScale,
      1 - learningRate * weightDecay,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      learningRate / (1 - beta1 ** t),
      1 / Math.sqrt(1 - beta2 ** t),
      epsilon,
    );
  }

  it.each([0, 1, 3, 4, 17])('takes the steps of its equation, %i numbers', (count) => {
    arena.reset();
    const parameter = arena.normal(count);
    const [first, second] = [arena.floats(Array(count).fill(0)), arena.floats(Array(count).fill(0))];
    const [p, m, v] = [parameter.read(), first.read(), second.read()];
    for (let t = 1; t <= 5; t++) {
      const gradient = arena.normal(count);
      step(count, [parameter.address, gradient.address, first.address, second.address], t);
      gradient.read().forEach((value, index) => {
        const { learningRate, beta1, beta2, epsilon, weightDecay, gradientScale } = options;
        const g = value * gradientScale;
        p[index]! -= learningRate * weightDecay * p[index]!;
        m[index] = beta1 * m[index]! + (1 - beta1) * g;
        v[index] = beta2 * v[index]! + (1 - beta2) * g * g;
        p[index]! -=
          (learningRate * (m[index]! / (1 - beta1 ** t))) / (Math.sqrt(v[index]! / (1 - beta2 ** t)) + epsilon);
      });
    }
    expectClose(parameter.read(), p, 1e-6);
    expectClose(first.read(), m, 1e-7);
    expectClose(second.read(), v, (index) => 1e-6 * v[index]!);
    arena.check();
  });

  it('lets a moment without gradients end at zero, and NaN show', () => {
    arena.reset();
    const [parameter, gradient] = [arena.floats([1, 1]), arena.floats([0, NaN])];
    const [first, second] = [arena.floats([1.2e-38, 0]), arena.floats([1.17549435e-38, 0])];
    step(2, [parameter.address, gradient.address, first.address, second.address], 10);
    expect(first.read()[0]).toBe(0);
    expect(second.read()[0]).toBe(0);
    expect(parameter.read()[1]).toBeNaN();
  });
});
