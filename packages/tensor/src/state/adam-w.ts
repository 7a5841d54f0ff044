import { tf } from '../tensorflow';
import { TensorError, type TensorErrorCode } from '../errors';
import { adamWUpdate } from '../operations/adam-w-update';
import { checkFloat } from '../operations/check';
import type { Parameters as ParameterSet } from './parameters';

export interface AdamWOptions {
  /** Parameters to train: one set, several, or names with variables. Only trainable ones with a gradient are updated. */
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
  /** Which parameters have weight decay, by name. @default all */
  decays?: (name: string) => boolean;
  /** Learning rate multiplier of each parameter, by name. @default 1 for all */
  learningRateScale?: (name: string) => number;
}

export interface AdamWStepOptions {
  /** Gradients by parameter name. Not disposed. */
  gradients: Readonly<Record<string, tf.Tensor>>;
  /** Learning rate of this step. @default the constructor's */
  learningRate?: number;
  /** Factor for all gradients, for clipping or for averaging accumulated batches. @default 1 */
  gradientScale?: number;
  /** Step number from 1, for bias correction. @default each parameter's own step count */
  step?: number;
}

/** Optimizer state as plain arrays, for checkpoints. */
export interface AdamWState {
  /** Moments by parameter name. `step` counts that parameter's updates. */
  moments: Record<string, { step: number; first: Float32Array; second: Float32Array }>;
}

interface Moments {
  step: number;
  first: tf.Variable;
  second: tf.Variable;
}

/**
 * AdamW with decoupled weight decay, in PyTorch's order: with g = gradient · gradientScale and t this parameter's step,
 * `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`.
 * Loshchilov & Hutter 2019 (arXiv:1711.05101). Updates in place if the engine can.
 */
export class AdamW {
  readonly #options: Required<AdamWOptions>;
  readonly #moments = new Map<string, Moments>();

  constructor({
    parameters,
    learningRate,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = 0.01,
    decays = () => true,
    learningRateScale = () => 1,
  }: AdamWOptions) {
    for (const [name, value, valid] of [
      ['learningRate', learningRate, learningRate >= 0],
      ['beta1', beta1, beta1 >= 0 && beta1 < 1],
      ['beta2', beta2, beta2 >= 0 && beta2 < 1],
      ['epsilon', epsilon, epsilon >= 0],
      ['weightDecay', weightDecay, weightDecay >= 0],
    ] as const) {
      if (!valid) {
        throw new TensorError({ code: 'invalid-option', message: `AdamW: ${name} is out of range: ${value}.` });
      }
    }
    this.#options = { parameters, learningRate, beta1, beta2, epsilon, weightDecay, decays, learningRateScale };
  }

  /**
   * Updates every parameter that has a gradient: all of them, or none if an error is thrown.
   *
   * @throws TensorError `unknown-parameter`, `duplicate-parameter`, `shape-mismatch`, `invalid-option`, `out-of-memory`
   *   (for the moments); nothing has changed then
   */
  step({ gradients, learningRate = this.#options.learningRate, gradientScale = 1, step }: AdamWStepOptions): void {
    const { beta1, beta2, epsilon } = this.#options;
    for (const { parameter, gradient, moments, ...settings } of this.#updates({
      gradients,
      learningRate,
      gradientScale,
      step,
    })) {
      adamWUpdate({
        parameter,
        gradient,
        firstMoment: moments.first,
        secondMoment: moments.second,
        beta1,
        beta2,
        epsilon,
        gradientScale,
        ...settings,
      });
      moments.step = settings.step;
    }
  }

  /** Validates a step and allocates its memory, before anything is updated. */
  #updates({
    gradients,
    learningRate,
    gradientScale,
    step,
  }: Required<Omit<AdamWStepOptions, 'step'>> & Pick<AdamWStepOptions, 'step'>) {
    const { weightDecay, decays, learningRateScale } = this.#options;
    const fail = (code: TensorErrorCode, message: string): never => {
      throw new TensorError({ code, message: `AdamW: ${message}` });
    };
    if (!(learningRate >= 0 && learningRate < Infinity))
      fail('invalid-option', `learningRate is out of range: ${learningRate}.`);
    if (!Number.isFinite(gradientScale))
      fail(
        'invalid-option',
        `gradientScale must be a finite number, got ${gradientScale}. Is the norm of the gradients finite?`,
      );
    if (step !== undefined && !(Number.isSafeInteger(step) && step >= 1))
      fail('invalid-option', `step must be a whole number from 1 on, got ${step}.`);
    const remaining = new Map(Object.entries(gradients));
    const seen = new Set<string>();
    const chosen = this.#entries().flatMap(([name, parameter]) => {
      const gradient = Object.hasOwn(gradients, name) ? gradients[name] : undefined;
      if (!gradient || !parameter.trainable) return [];
      if (seen.has(name)) fail('duplicate-parameter', `'${name}' occurs in two sets of parameters.`);
      seen.add(name);
      remaining.delete(name);
      checkFloat('AdamW', `the gradient of '${name}'`, gradient);
      checkFloat('AdamW', `the parameter '${name}'`, parameter);
      if (!tf.util.arraysEqual(gradient.shape, parameter.shape)) {
        fail(
          'shape-mismatch',
          `the gradient of '${name}' is [${gradient.shape.join(', ')}], the parameter [${parameter.shape.join(', ')}].`,
        );
      }
      const rate = learningRate * learningRateScale(name);
      if (!(rate >= 0 && rate < Infinity))
        fail('invalid-option', `the learning rate of '${name}' is out of range: ${rate}.`);
      return [{ name, parameter, gradient, learningRate: rate, weightDecay: decays(name) ? weightDecay : 0 }];
    });
    const unknown = [...remaining].filter(([, gradient]) => gradient);
    if (unknown.length > 0) {
      fail(
        'unknown-parameter',
        `gradients for parameters that do not exist or do not train: ${unknown.map(([name]) => name).join(', ')}.`,
      );
    }
    return this.#withMoments(chosen).map(({ name: _, ...update }) => ({
      ...update,
      step: step ?? update.moments.step + 1,
    }));
  }

  /** Adds moments; new ones are created for all parameters or, if memory runs out, for none. */
  #withMoments<T extends { name: string; parameter: tf.Variable }>(chosen: readonly T[]): (T & { moments: Moments })[] {
    const made: [string, Moments][] = [];
    try {
      for (const { name, parameter } of chosen) {
        if (this.#moments.has(name)) continue;
        const first = ownVariable(tf.zeros(parameter.shape));
        try {
          made.push([name, { step: 0, first, second: ownVariable(tf.zeros(parameter.shape)) }]);
        } catch (error) {
          first.dispose();
          throw error;
        }
      }
    } catch (error) {
      for (const [, { first, second }] of made) tf.dispose([first, second]);
      throw error;
    }
    for (const [name, moments] of made) this.#moments.set(name, moments);
    return chosen.map((update) => ({ ...update, moments: this.#moments.get(update.name)! }));
  }

  /** Copies the moments to the host. */
  async exportState(): Promise<AdamWState> {
    const moments: AdamWState['moments'] = {};
    for (const [name, { step, first, second }] of this.#moments) {
      moments[name] = {
        step,
        first: new Float32Array(await first.data()),
        second: new Float32Array(await second.data()),
      };
    }
    return { moments };
  }

  /**
   * Restores a saved state, replacing the current one.
   *
   * @throws TensorError `state-mismatch` if it does not match the parameters; nothing has changed then
   */
  importState(state: AdamWState): void {
    const shapes = new Map(this.#entries());
    for (const [name, { step, first, second }] of Object.entries(state.moments)) {
      if (!(Number.isSafeInteger(step) && step >= 0)) {
        throw new TensorError({
          code: 'state-mismatch',
          message: `AdamW: the saved state counts ${step} steps of '${name}'.`,
        });
      }
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
      this.#moments.set(name, {
        step,
        first: ownVariable(tf.tensor(first, shape)),
        second: ownVariable(tf.tensor(second, shape)),
      });
    }
  }

  /** Frees the moments; the optimizer then starts from scratch. */
  dispose(): void {
    for (const { first, second } of this.#moments.values()) {
      first.dispose();
      second.dispose();
    }
    this.#moments.clear();
  }

  #entries(): (readonly [string, tf.Variable])[] {
    const { parameters } = this.#options;
    const members = (Array.isArray(parameters) ? parameters : [parameters]) as readonly (
      ParameterSet | readonly [string, tf.Variable]
    )[];
    return members.flatMap((member) =>
      Array.isArray(member) ? [member as readonly [string, tf.Variable]] : (member as ParameterSet).entries(),
    );
  }
}

/** Creates a variable that takes over a tensor's memory. */
function ownVariable(value: tf.Tensor): tf.Variable {
  const variable = tf.variable(value, false);
  value.dispose();
  return variable;
}
