import type { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import { activationCode } from './activation-code';
import { elementwise } from './elementwise';
import type { RunShader } from './run-shader';

type Names = 'activation' | 'gatedActivation';

/** Activations and gated products, their gradients included: one pass over memory each. */
export function activationKernels(run: RunShader): Pick<Required<FusedKernels>, Names> {
  return {
    activation: {
      forward: ({ input, activation }) =>
        run({
          name: 'activation',
          declarations: activationCode(activation),
          inputs: { x: input },
          outputs: { y: input.shape },
          ...elementwise(input.size, 'y[i] = value(x[i]);'),
        }).y as tf.Tensor2D,

      backward: ({ gradient, input, activation }) =>
        run({
          name: 'activationGradient',
          declarations: activationCode(activation),
          inputs: { x: input, gradient },
          outputs: { result: gradient.shape },
          ...elementwise(gradient.size, 'result[i] = gradient[i] * derivative(x[i]);'),
        }).result as tf.Tensor2D,
    },
    gatedActivation: {
      forward: ({ gate, up, activation }) =>
        run({
          name: 'gatedActivation',
          declarations: activationCode(activation),
          // One tensor may serve as both: bound once for each name, read only.
          inputs: { gate, up },
          outputs: { y: gate.shape },
          ...elementwise(gate.size, 'y[i] = value(gate[i]) * up[i];'),
        }).y as tf.Tensor2D,

      backward: ({ gradient, gate, up, activation }) => {
        const { toGate, toUp } = run({
          name: 'gatedActivationGradient',
          declarations: activationCode(activation),
          inputs: { gradient, gate, up },
          outputs: { toGate: gate.shape, toUp: gate.shape },
          ...elementwise(
            gate.size,
            'let g = gradient[i]; let x = gate[i]; toGate[i] = g * up[i] * derivative(x); toUp[i] = g * value(x);',
          ),
        });
        return { gate: toGate as tf.Tensor2D, up: toUp as tf.Tensor2D };
      },
    },
  };
}
