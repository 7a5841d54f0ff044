import { normal, RandomStream, tf, uniform } from '@subtext/tensor';

import type { Initialisation, ModelStructure } from './parameter-scope';

/**
 * FNV-1a hash: each parameter's random stream depends on its name, so that adding a layer does not change the others.
 */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}

/** The random stream for the initial values of the parameter `name` under `seed`. */
export function parameterStream({ seed, name }: { seed: number; name: string }): RandomStream {
  return new RandomStream({ seed: (hash(name) ^ Math.imul(seed, 0x9e3779b1)) | 0 });
}

/** Draws a parameter's initial values from the stream of `seed` and `name`. */
export function drawInitialValues({
  initialisation,
  shape,
  seed,
  name,
}: {
  initialisation: Initialisation;
  shape: readonly number[];
  seed: number;
  name: string;
}): tf.Tensor {
  switch (initialisation.kind) {
    case 'zeros':
      return tf.zeros([...shape]);
    case 'ones':
      return tf.ones([...shape]);
    case 'normal':
      return normal({
        shape: [...shape],
        random: parameterStream({ seed, name }),
        standardDeviation: initialisation.deviation,
      });
    case 'uniform':
      return uniform({
        shape: [...shape],
        random: parameterStream({ seed, name }),
        minimum: -initialisation.limit,
        maximum: initialisation.limit,
      });
  }
}

/** Initialises all declared parameters; the same seed gives the same values on every engine. */
export function initialiseWeights({
  structure,
  seed,
  trainable = true,
}: {
  structure: ModelStructure;
  seed: number;
  /** Default true. */ trainable?: boolean;
}): void {
  for (const { name, shape, initialisation } of structure.declarations.values()) {
    structure.parameters.add({ name, value: drawInitialValues({ initialisation, shape, seed, name }), trainable });
  }
}
