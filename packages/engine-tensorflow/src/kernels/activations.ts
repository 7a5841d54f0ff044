import { tf } from '@subtext/tensor';
import { composedGatedActivation } from '@subtext/tensor/engine';
import type { ActivationKernel, GatedActivationKernel } from '@subtext/tensor';
import { composedActivation, composedActivationGradient, sigmoidForm } from '@subtext/tensor/engine';
import type { NodeBackend } from './node-backend';

/**
 * Gradients of the activations built on a sigmoid. `SigmoidGrad(s, y)` is y·s·(1−s) in one pass over memory instead of
 * three: on a processor these passes are what an activation costs.
 */
export function activationKernels(backend: NodeBackend): {
  activation: ActivationKernel;
  gatedActivation: GatedActivationKernel;
} {
  const float = [{ name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT }];
  const sigmoidGradient = (sigmoid: tf.Tensor, gradient: tf.Tensor) =>
    backend.executeSingleOutput('SigmoidGrad', float, [sigmoid, gradient]);

  return {
    activation: {
      forward: ({ input, activation }) => composedActivation({ activation, x: input }),
      backward: ({ gradient, input, activation }) =>
        tf.tidy(() => {
          const form = sigmoidForm({ activation, x: input });
          if (!form) {
            return composedActivationGradient({ activation, x: input, gradient });
          }
          const sigmoid = tf.sigmoid(form.inner);
          // (x·σ(u))′ = σ(u) + x·u′·σ(u)·(1−σ(u)).
          return tf.mul(
            gradient,
            tf.add(sigmoid, sigmoidGradient(sigmoid, form.inputTimesDerivative())),
          ) as tf.Tensor2D;
        }),
    },
    gatedActivation: {
      forward: composedGatedActivation.forward,
      backward: ({ gradient, gate, up, activation }) =>
        tf.tidy(() => {
          const form = sigmoidForm({ activation, x: gate });
          const upstream = tf.mul(gradient, up) as tf.Tensor2D;
          if (!form) {
            return {
              gate: composedActivationGradient({ activation, x: gate, gradient: upstream }),
              up: tf.mul(gradient, composedActivation({ activation, x: gate })) as tf.Tensor2D,
            };
          }
          const sigmoid = tf.sigmoid(form.inner);
          return {
            gate: tf.mul(
              upstream,
              tf.add(sigmoid, sigmoidGradient(sigmoid, form.inputTimesDerivative())),
            ) as tf.Tensor2D,
            up: tf.mul(gradient, tf.mul(gate, sigmoid)) as tf.Tensor2D,
          };
        }),
    },
  };
}
