import { describe, expect, it } from 'vitest';
import type { Activation } from '../../../kernels/kernels';
import { activationReference } from '../../../parity/reference';
import { activationCodes } from '../../../kernels/activation-codes';
import { Arena, expectClose, presentVariants } from './testing/arena';

const activations = Object.keys(activationCodes) as Activation[];
const counts = [0, 1, 2, 3, 4, 5, 7, 8, 1001];

function slope(activation: Activation, x: number): number {
  if (activation === 'relu') {
    return x > 0 ? 1 : 0;
  }
  const step = 1e-5;
  return (activationReference(activation, x + step) - activationReference(activation, x - step)) / (2 * step);
}

describe.each(presentVariants)('activations, %s', async (variant) => {
  const arena = await Arena.create(variant);
  const points = (count: number) =>
    arena.floats(Array.from({ length: count }, () => 12 * (2 * arena.random.uniform() - 1)));

  it.each(activations)('%s and its slope', (activation) => {
    for (const count of counts) {
      arena.reset();
      const x = points(count);
      const gradient = arena.normal(count);
      const [output, back] = [arena.empty(count), arena.empty(count)];
      arena.kernels.activationForward(activationCodes[activation], count, x.address, output.address);
      arena.kernels.activationBackward(activationCodes[activation], count, gradient.address, x.address, back.address);
      const [xs, gradients] = [x.read(), gradient.read()];
      // Exact GELU is 1e-6 from right where |x| is large (½ x (1 + erf) cancels); the others hold float32's precision.
      expectClose(
        output.read(),
        xs.map((value) => activationReference(activation, value)),
        (index) =>
          2e-7 + (activation === 'gelu' ? 1.5e-6 : 1.5e-6 * Math.abs(activationReference(activation, xs[index]!))),
      );
      expectClose(
        back.read(),
        xs.map((value, index) => gradients[index]! * slope(activation, value)),
        (index) => 3e-6 * Math.abs(gradients[index]!),
      );
      arena.check();
    }
  });

  it.each(activations)('%s keeps NaN and its limits far out', (activation) => {
    arena.reset();
    const xs = [NaN, 100, -100, 3e4, -3e4, 0];
    const x = arena.floats(xs);
    const output = arena.empty(xs.length);
    arena.kernels.activationForward(activationCodes[activation], xs.length, x.address, output.address);
    const [nan, ...rest] = output.read();
    expect(nan).toBeNaN();
    expectClose(
      rest,
      xs.slice(1).map((value) => activationReference(activation, value)),
      1e-30,
    );
  });

  it.each(activations)('a product gated by %s, and its gradients', (activation) => {
    for (const count of counts) {
      arena.reset();
      const gate = points(count);
      const [up, gradient] = [arena.normal(count), arena.normal(count)];
      const [output, gateGradient, upGradient] = [arena.empty(count), arena.empty(count), arena.empty(count)];
      arena.kernels.gatedForward(activationCodes[activation], count, gate.address, up.address, output.address);
      arena.kernels.gatedBackward(
        activationCodes[activation],
        count,
        gradient.address,
        gate.address,
        up.address,
        gateGradient.address,
        upGradient.address,
      );
      const [gates, ups, gradients] = [gate.read(), up.read(), gradient.read()];
      const size = (index: number) =>
        1e-6 * (1 + Math.abs(gates[index]!)) * (1 + Math.abs(ups[index]!)) * (1 + Math.abs(gradients[index]!));
      expectClose(
        output.read(),
        gates.map((value, index) => activationReference(activation, value) * ups[index]!),
        size,
      );
      expectClose(
        gateGradient.read(),
        gates.map((value, index) => gradients[index]! * ups[index]! * slope(activation, value)),
        (index) => 3 * size(index),
      );
      expectClose(
        upGradient.read(),
        gates.map((value, index) => gradients[index]! * activationReference(activation, value)),
        size,
      );
      arena.check();
    }
  });

  it('works in place', () => {
    arena.reset();
    const x = points(9);
    const before = x.read();
    arena.kernels.activationForward(activationCodes.relu, 9, x.address, x.address);
    expectClose(
      x.read(),
      before.map((value) => Math.max(0, value)),
      0,
    );
    arena.check();
  });
});
