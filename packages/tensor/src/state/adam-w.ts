import { tf } from '../tensorflow';
import { TensorError } from '../errors';
import { fusedKernels } from '../kernels/registry';
import type { FusedKernels } from '../kernels/fused-kernels';
import type { Parameters as ParameterSet } from './parameters';

export interface AdamWOptions {
  /** What is trained, as one set, several, or names with variables; only trainable members with a gradient move. */
  parameters: ParameterSet | readonly ParameterSet[] | readonly (readonly [name: string, variable: tf.Variable])[];
  learningRate: number;
  /** Decay of the first moment. @default 0.9 */
  beta1?: number;
  /** Decay of the second moment. @default 0.999 */
  beta2?: number;
  /** @default 1e-8 */
  epsilon?: number;
  /** Decoupled: `p −= learningRate · weightDecay · p`. @default 0.01 */
  weightDecay?: number;
  /** Which parameters decay, by name. @default all */
  decays?: (name: string) => boolean;
  /** Multiplies a parameter's learning rate, by name. @default 1 for all */
  learningRateScale?: (name: string) => number;
}

export interface AdamWStepOptions {
  /** By parameter name. Not disposed. */
  gradients: Readonly<Record<string, tf.Tensor>>;
  /** For this step. @default the constructor's */
  learningRate?: number;
  /** Multiplies every gradient: clipping, or the mean over accumulated batches. @default 1 */
  gradientScale?: number;
  /** Counts from 1, for the correction of the moments. @default each parameter's own count of steps */
  step?: number;
}

/** The optimizer's memory as plain arrays: what a checkpoint holds. */
export interface AdamWState {
  /** By parameter name. `step` counts that parameter's own updates. */
  moments: Record<string, { step: number; first: Float32Array; second: Float32Array }>;
}

interface Moments {
  step: number;
  first: tf.Variable;
  second: tf.Variable;
}

type Kernel = NonNullable<FusedKernels['adamW']>;

/**
 * AdamW with decoupled weight decay, in PyTorch's order: with g = gradient · gradientScale and t this parameter's step,
 * `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`.
 * Loshchilov & Hutter 2019 (arXiv:1711.05101). In place where the engine can.
 */
export class AdamW {
  readonly #options: Required<AdamWOptions>;
  readonly #moments = new Map<string, Moments>();

  constructor({ parameters, learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, decays = () => true, learningRateScale = () => 1 }: AdamWOptions) {
    for (const [name, value, valid] of [
      ['learningRate', learningRate, learningRate >= 0],
      ['beta1', beta1, beta1 >= 0 && beta1 < 1],
      ['beta2', beta2, beta2 >= 0 && beta2 < 1],
      ['epsilon', epsilon, epsilon >= 0],
      ['weightDecay', weightDecay, weightDecay >= 0],
    ] as const) {
      if (!valid) {
        throw new TensorError({ code: 'invalid-argument', message: `AdamW: ${name} is out of range: ${value}.` });
      }
    }
    this.#options = { parameters, learningRate, beta1, beta2, epsilon, weightDecay, decays, learningRateScale };
  }

  /** Moves every parameter that has a gradient. */
  step({ gradients, learningRate = this.#options.learningRate, gradientScale = 1, step }: AdamWStepOptions): void {
    const { beta1, beta2, epsilon, weightDecay, decays, learningRateScale } = this.#options;
    const update = fusedKernels().adamW ?? composed;
    const remaining = new Set(Object.keys(gradients));
    for (const [name, parameter] of this.#entries()) {
      const gradient = gradients[name];
      if (!gradient || !parameter.trainable) {
        continue;
      }
      remaining.delete(name);
      if (!tf.util.arraysEqual(gradient.shape, parameter.shape)) {
        throw new TensorError({ code: 'shape-mismatch', message: `AdamW: the gradient of '${name}' is [${gradient.shape.join(', ')}], the parameter [${parameter.shape.join(', ')}].` });
      }
      const moments = this.#momentsOf(name, parameter);
      moments.step = step ?? moments.step + 1;
      if (update !== composed) {
        ownMemory(parameter);
      }
      update({
        parameter,
        gradient,
        firstMoment: moments.first,
        secondMoment: moments.second,
        learningRate: learningRate * learningRateScale(name),
        beta1,
        beta2,
        epsilon,
        weightDecay: decays(name) ? weightDecay : 0,
        step: moments.step,
        gradientScale,
      });
    }
    if (remaining.size > 0) {
      throw new TensorError({ code: 'unknown-parameter', message: `AdamW: gradients for parameters that do not exist or do not train: ${[...remaining].join(', ')}.` });
    }
  }

  /** A copy of the moments on the host. */
  async exportState(): Promise<AdamWState> {
    const moments: AdamWState['moments'] = {};
    for (const [name, { step, first, second }] of this.#moments) {
      moments[name] = { step, first: new Float32Array(await first.data()), second: new Float32Array(await second.data()) };
    }
    return { moments };
  }

  /**
   * Takes over a saved state, in place of the present one.
   *
   * @throws TensorError `state-mismatch` if it does not fit the parameters; then nothing has changed.
   */
  importState(state: AdamWState): void {
    const shapes = new Map(this.#entries());
    for (const [name, { first, second }] of Object.entries(state.moments)) {
      const parameter = shapes.get(name);
      if (!parameter || first.length !== parameter.size || second.length !== parameter.size) {
        throw new TensorError({
          code: 'state-mismatch',
          message: parameter
            ? `AdamW: the saved moments of '${name}' hold ${first.length} and ${second.length} numbers, the parameter ${parameter.size}.`
            : `AdamW: the saved state names '${name}', which is no parameter here.`,
        });
      }
    }
    this.dispose();
    for (const [name, { step, first, second }] of Object.entries(state.moments)) {
      const { shape } = shapes.get(name)!;
      this.#moments.set(name, { step, first: ownVariable(tf.tensor(first, shape)), second: ownVariable(tf.tensor(second, shape)) });
    }
  }

  /** Frees the moments; the optimizer then starts afresh. */
  dispose(): void {
    for (const { first, second } of this.#moments.values()) {
      first.dispose();
      second.dispose();
    }
    this.#moments.clear();
  }

  #entries(): (readonly [string, tf.Variable])[] {
    const { parameters } = this.#options;
    const members = (Array.isArray(parameters) ? parameters : [parameters]) as readonly (ParameterSet | readonly [string, tf.Variable])[];
    return members.flatMap((member) => (Array.isArray(member) ? [member as readonly [string, tf.Variable]] : (member as ParameterSet).entries()));
  }

  #momentsOf(name: string, parameter: tf.Variable): Moments {
    let moments = this.#moments.get(name);
    if (!moments) {
      moments = { step: 0, first: ownVariable(tf.zeros(parameter.shape)), second: ownVariable(tf.zeros(parameter.shape)) };
      this.#moments.set(name, moments);
    }
    return moments;
  }
}

/** A variable that takes over a tensor's memory. */
function ownVariable(value: tf.Tensor): tf.Variable {
  const variable = tf.variable(value, false);
  value.dispose();
  return variable;
}

/** Gives a variable memory of its own if it shares it with a clone: an update in place must not reach the clone. */
function ownMemory(variable: tf.Variable): void {
  if (tf.backend().refCount(variable.dataId) > 1) {
    const copy = tf.add(variable, 0);
    variable.assign(copy);
    copy.dispose();
  }
}

const composed: Kernel = ({ parameter, gradient, firstMoment, secondMoment, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale }) =>
  tf.tidy(() => {
    const scaled = gradientScale === 1 ? gradient : tf.mul(gradient, gradientScale);
    firstMoment.assign(tf.add(tf.mul(firstMoment, beta1), tf.mul(scaled, 1 - beta1)));
    secondMoment.assign(tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(scaled), 1 - beta2)));
    const denominator = tf.add(tf.div(tf.sqrt(secondMoment), Math.sqrt(1 - beta2 ** step)), epsilon);
    const change = tf.mul(tf.div(firstMoment, denominator), learningRate / (1 - beta1 ** step));
    const decayed = weightDecay === 0 ? parameter : tf.mul(parameter, 1 - learningRate * weightDecay);
    parameter.assign(tf.sub(decayed, change));
  });
